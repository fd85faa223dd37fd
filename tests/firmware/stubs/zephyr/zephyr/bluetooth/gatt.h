/* Of Zephyr 4.x. A characteristic has two attributes, as there. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <zephyr/bluetooth/conn.h>
#include <zephyr/bluetooth/uuid.h>

struct bt_gatt_attr;
typedef ssize_t (*bt_gatt_attr_read_func_t)(struct bt_conn *conn, const struct bt_gatt_attr *attr, void *buf,
                                            uint16_t len, uint16_t offset);
typedef ssize_t (*bt_gatt_attr_write_func_t)(struct bt_conn *conn, const struct bt_gatt_attr *attr,
                                             const void *buf, uint16_t len, uint16_t offset, uint8_t flags);
typedef void (*bt_gatt_ccc_changed_t)(const struct bt_gatt_attr *attr, uint16_t value);

struct bt_gatt_attr {
    const struct bt_uuid *uuid;
    bt_gatt_attr_read_func_t read;
    bt_gatt_attr_write_func_t write;
    bt_gatt_ccc_changed_t changed;
    void *user_data;
    uint16_t perm;
};
struct bt_gatt_service_static {
    const struct bt_gatt_attr *attrs;
    size_t attr_count;
};

#define BT_GATT_CHRC_READ 0x02
#define BT_GATT_CHRC_WRITE_WITHOUT_RESP 0x04
#define BT_GATT_CHRC_WRITE 0x08
#define BT_GATT_CHRC_NOTIFY 0x10
#define BT_GATT_CCC_NOTIFY 0x0001
#define BT_GATT_PERM_NONE 0
#define BT_GATT_PERM_READ 1
#define BT_GATT_PERM_WRITE 2
#define BT_ATT_ERR_INVALID_OFFSET 0x07
#define BT_ATT_ERR_INVALID_ATTRIBUTE_LEN 0x0d
#define BT_GATT_ERR(_att_err) (-(_att_err))

#define BT_GATT_PRIMARY_SERVICE(_service) {.uuid = &(_service)->uuid}
#define BT_GATT_CHARACTERISTIC(_uuid, _props, _perm, _read, _write, _user_data) \
    {.perm = (_props)}, {.uuid = (_uuid), .read = (_read), .write = (_write), .user_data = (_user_data), .perm = (_perm)}
#define BT_GATT_CCC(_changed, _perm) {.changed = (_changed), .perm = (_perm)}
#define BT_GATT_SERVICE_DEFINE(_name, ...)                                                              \
    const struct bt_gatt_attr attr_##_name[] = {__VA_ARGS__};                                           \
    const struct bt_gatt_service_static _name = {attr_##_name, sizeof(attr_##_name) / sizeof(attr_##_name[0])}

struct bt_gatt_cb {
    void (*att_mtu_updated)(struct bt_conn *conn, uint16_t tx, uint16_t rx);
};
void bt_gatt_cb_register(struct bt_gatt_cb *cb);
uint16_t bt_gatt_get_mtu(struct bt_conn *conn);
int bt_gatt_notify(struct bt_conn *conn, const struct bt_gatt_attr *attr, const void *data, uint16_t len);
ssize_t bt_gatt_attr_read(struct bt_conn *conn, const struct bt_gatt_attr *attr, void *buf, uint16_t buf_len,
                          uint16_t offset, const void *value, uint16_t value_len);
