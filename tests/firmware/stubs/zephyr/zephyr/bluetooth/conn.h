/* Of Zephyr 4.x. */
#pragma once
#include <stdint.h>

struct bt_conn;
enum bt_conn_type { BT_CONN_TYPE_LE = 1 };
#define BT_HCI_ERR_REMOTE_USER_TERM_CONN 0x13

struct bt_conn_cb {
    void (*connected)(struct bt_conn *conn, uint8_t err);
    void (*disconnected)(struct bt_conn *conn, uint8_t reason);
    void (*recycled)(void);
};
#define BT_CONN_CB_DEFINE(_name) const struct bt_conn_cb _name
void bt_conn_foreach(enum bt_conn_type type, void (*func)(struct bt_conn *conn, void *data), void *data);
int bt_conn_disconnect(struct bt_conn *conn, uint8_t reason);
