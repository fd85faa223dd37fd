/* Of Zephyr 4.x. */
#pragma once
#include <stdint.h>

struct bt_uuid {
    uint8_t type;
};
struct bt_uuid_128 {
    struct bt_uuid uuid;
    uint8_t val[16];
};
#define BT_UUID_INIT_128(...) {.uuid = {2}, .val = {__VA_ARGS__}}
#define BT_UUID_BYTE(number, shift) (((number) >> (shift)) & 0xff)
#define BT_UUID_128_ENCODE(w32, w1, w2, w3, w48)                                                        \
    BT_UUID_BYTE(w48, 0), BT_UUID_BYTE(w48, 8), BT_UUID_BYTE(w48, 16), BT_UUID_BYTE(w48, 24),           \
        BT_UUID_BYTE(w48, 32), BT_UUID_BYTE(w48, 40), BT_UUID_BYTE(w3, 0), BT_UUID_BYTE(w3, 8),         \
        BT_UUID_BYTE(w2, 0), BT_UUID_BYTE(w2, 8), BT_UUID_BYTE(w1, 0), BT_UUID_BYTE(w1, 8),             \
        BT_UUID_BYTE(w32, 0), BT_UUID_BYTE(w32, 8), BT_UUID_BYTE(w32, 16), BT_UUID_BYTE(w32, 24)
