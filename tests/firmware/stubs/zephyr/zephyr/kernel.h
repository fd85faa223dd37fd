/* What the application uses of Zephyr's kernel 4.x, declared and no more. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CONFIG_BT_DEVICE_NAME "greenhouse"

#define ARG_UNUSED(x) (void)(x)
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

typedef struct {
    int64_t ticks;
} k_timeout_t;
#define K_NO_WAIT ((k_timeout_t){0})
#define K_MSEC(ms) ((k_timeout_t){ms})

struct k_msgq {
    char *buffer;
    size_t msg_size;
    uint32_t max_msgs;
};
#define K_MSGQ_DEFINE(q_name, q_msg_size, q_max_msgs, q_align)                                          \
    static char _Alignas(q_align) q_name##_buffer[(q_max_msgs) * (q_msg_size)];                         \
    struct k_msgq q_name = {q_name##_buffer, (q_msg_size), (q_max_msgs)}
int k_msgq_put(struct k_msgq *msgq, const void *data, k_timeout_t timeout);
int k_msgq_get(struct k_msgq *msgq, void *data, k_timeout_t timeout);
void k_msgq_purge(struct k_msgq *msgq);

struct k_work;
typedef void (*k_work_handler_t)(struct k_work *work);
struct k_work {
    k_work_handler_t handler;
};
#define K_WORK_DEFINE(work, work_handler) struct k_work work = {work_handler}
int k_work_submit(struct k_work *work);

uint32_t k_uptime_get_32(void);
void printk(const char *format, ...) __attribute__((format(printf, 1, 2)));
