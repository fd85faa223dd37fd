/*
 * An nRF52 or nRF53 that publishes a temperature to farhook over Bluetooth every minute, and prints what the hooks
 * answer. For Zephyr 4.x and the nRF Connect SDK that is made of it.
 *
 * Adopt the board (`farhook ble adopt ADDRESS --link farhook`), and put the key that is shown into DEVICE_KEY.
 */
#include <psa/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zephyr/bluetooth/bluetooth.h>
#include <zephyr/bluetooth/conn.h>
#include <zephyr/bluetooth/gatt.h>
#include <zephyr/bluetooth/uuid.h>
#include <zephyr/kernel.h>

#include "farhook_link.h"

#define DEVICE_KEY "KEY"
#define DEVICE_INFO "{\"proto\":1,\"id\":\"greenhouse\",\"fw\":\"1.0\"}"
#define PUBLISH_EVERY_MS 60000u

/* FARHOOK_SERVICE_UUID and the others, as Zephyr writes them. */
#define FARHOOK_UUID(n) BT_UUID_128_ENCODE(0xb1e50000 + (n), 0x6a2f, 0x4c5e, 0x9f0d, 0x7c1d5a9e0c01)

static const struct bt_uuid_128 service_uuid = BT_UUID_INIT_128(FARHOOK_UUID(1));
static const struct bt_uuid_128 tx_uuid = BT_UUID_INIT_128(FARHOOK_UUID(2));
static const struct bt_uuid_128 rx_uuid = BT_UUID_INIT_128(FARHOOK_UUID(3));
static const struct bt_uuid_128 info_uuid = BT_UUID_INIT_128(FARHOOK_UUID(4));

/* Zephyr's Bluetooth calls from a thread of its own. What it says waits here for main(). */
enum kind { SUBSCRIBED, MTU_CHANGED, GONE, FRAME };
struct heard {
    enum kind kind;
    uint16_t mtu;
    uint16_t length;
    uint8_t bytes[FARHOOK_FRAME_BYTES];
};
K_MSGQ_DEFINE(queue, sizeof(struct heard), 16, 4);

static struct farhook_link board;
static uint16_t mtu;

static double read_temperature(void)
{
    return 21.5; /* your sensor */
}

/* A change of the connection: what was heard before it is of no use any more. */
static void tell(enum kind kind, uint16_t new_mtu)
{
    struct heard item = {.kind = kind, .mtu = new_mtu};
    if (kind != MTU_CHANGED) {
        k_msgq_purge(&queue);
    }
    (void)k_msgq_put(&queue, &item, K_NO_WAIT);
}

static void on_subscribed(const struct bt_gatt_attr *attr, uint16_t value)
{
    ARG_UNUSED(attr);
    tell(value == BT_GATT_CCC_NOTIFY ? SUBSCRIBED : GONE, mtu);
}

static ssize_t on_write(struct bt_conn *conn, const struct bt_gatt_attr *attr, const void *bytes, uint16_t length,
                        uint16_t offset, uint8_t flags)
{
    struct heard item = {.kind = FRAME, .length = length};
    ARG_UNUSED(conn);
    ARG_UNUSED(attr);
    ARG_UNUSED(flags);
    if (offset != 0) {
        return BT_GATT_ERR(BT_ATT_ERR_INVALID_OFFSET);
    }
    if (length > sizeof(item.bytes)) {
        return BT_GATT_ERR(BT_ATT_ERR_INVALID_ATTRIBUTE_LEN);
    }
    memcpy(item.bytes, bytes, length);
    /* If there is no room, the frame is lost, and the gateway sends its message again. */
    (void)k_msgq_put(&queue, &item, K_NO_WAIT);
    return length;
}

static ssize_t on_info(struct bt_conn *conn, const struct bt_gatt_attr *attr, void *bytes, uint16_t length,
                       uint16_t offset)
{
    return bt_gatt_attr_read(conn, attr, bytes, length, offset, DEVICE_INFO, sizeof(DEVICE_INFO) - 1);
}

/* TX is the second of its attributes. */
BT_GATT_SERVICE_DEFINE(farhook_service,
    BT_GATT_PRIMARY_SERVICE(&service_uuid),
    BT_GATT_CHARACTERISTIC(&tx_uuid.uuid, BT_GATT_CHRC_NOTIFY, BT_GATT_PERM_NONE, NULL, NULL, NULL),
    BT_GATT_CCC(on_subscribed, BT_GATT_PERM_READ | BT_GATT_PERM_WRITE),
    BT_GATT_CHARACTERISTIC(&rx_uuid.uuid, BT_GATT_CHRC_WRITE | BT_GATT_CHRC_WRITE_WITHOUT_RESP,
                           BT_GATT_PERM_WRITE, NULL, on_write, NULL),
    BT_GATT_CHARACTERISTIC(&info_uuid.uuid, BT_GATT_CHRC_READ, BT_GATT_PERM_READ, on_info, NULL, NULL));

static const struct bt_data advert[] = {
    BT_DATA_BYTES(BT_DATA_FLAGS, (BT_LE_AD_GENERAL | BT_LE_AD_NO_BREDR)),
    BT_DATA_BYTES(BT_DATA_UUID128_ALL, FARHOOK_UUID(1)),
};

/* The name does not fit beside the UUID. */
static const struct bt_data scan_response[] = {
    BT_DATA(BT_DATA_NAME_COMPLETE, CONFIG_BT_DEVICE_NAME, sizeof(CONFIG_BT_DEVICE_NAME) - 1),
};

static void advertise(struct k_work *work)
{
    int err = bt_le_adv_start(BT_LE_ADV_CONN_FAST_2, advert, ARRAY_SIZE(advert), scan_response,
                              ARRAY_SIZE(scan_response));
    ARG_UNUSED(work);
    if (err) {
        printk("advertising failed: %d\n", err);
    }
}
K_WORK_DEFINE(advertising, advertise);

static void on_connected(struct bt_conn *conn, uint8_t err)
{
    mtu = err ? 23 : bt_gatt_get_mtu(conn);
}

static void on_disconnected(struct bt_conn *conn, uint8_t reason)
{
    ARG_UNUSED(conn);
    ARG_UNUSED(reason);
    tell(GONE, 0);
}

/* Only now can the next connection be made. */
static void on_recycled(void)
{
    (void)k_work_submit(&advertising);
}

BT_CONN_CB_DEFINE(connection_callbacks) = {
    .connected = on_connected,
    .disconnected = on_disconnected,
    .recycled = on_recycled,
};

static void on_mtu(struct bt_conn *conn, uint16_t tx, uint16_t rx)
{
    ARG_UNUSED(tx);
    ARG_UNUSED(rx);
    mtu = bt_gatt_get_mtu(conn);
    tell(MTU_CHANGED, mtu);
}

static struct bt_gatt_cb gatt_callbacks = {.att_mtu_updated = on_mtu};

static bool send_frame(void *user, const uint8_t *frame, size_t length)
{
    ARG_UNUSED(user);
    /* There is one connection at most, so it goes to all of them. */
    return bt_gatt_notify(NULL, &farhook_service.attrs[1], frame, (uint16_t)length) == 0;
}

static bool hmac_sha256(void *user, const uint8_t *key, size_t key_length, const uint8_t *text, size_t length,
                        uint8_t mac[32])
{
    psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
    psa_key_id_t id;
    size_t mac_length = 0;
    ARG_UNUSED(user);
    psa_set_key_usage_flags(&attributes, PSA_KEY_USAGE_SIGN_MESSAGE);
    psa_set_key_algorithm(&attributes, PSA_ALG_HMAC(PSA_ALG_SHA_256));
    psa_set_key_type(&attributes, PSA_KEY_TYPE_HMAC);
    if (psa_import_key(&attributes, key, key_length, &id) != PSA_SUCCESS) {
        return false;
    }
    psa_status_t status =
        psa_mac_compute(id, PSA_ALG_HMAC(PSA_ALG_SHA_256), text, length, mac, 32, &mac_length);
    (void)psa_destroy_key(id);
    return status == PSA_SUCCESS && mac_length == 32;
}

static bool random_bytes(void *user, uint8_t *bytes, size_t length)
{
    ARG_UNUSED(user);
    return psa_generate_random(bytes, length) == PSA_SUCCESS;
}

static void published(void *user, uint8_t id, enum farhook_outcome outcome, uint8_t code)
{
    ARG_UNUSED(user);
    if (outcome == FARHOOK_DELIVERED) {
        printk("event %u is safe\n", id);
    } else {
        printk("event %u was refused, code %u\n", id, code);
    }
}

static void response(void *user, const char *name, size_t name_length, const uint8_t *data, size_t length)
{
    ARG_UNUSED(user);
    printk("%.*s: %.*s\n", (int)name_length, name, (int)length, (const char *)data);
}

static const struct farhook_platform platform = {NULL, send_frame, hmac_sha256, random_bytes, published, response};

static void take(const struct heard *item, uint32_t now)
{
    switch (item->kind) {
    case SUBSCRIBED:
        farhook_subscribed(&board, item->mtu, now);
        break;
    case MTU_CHANGED:
        farhook_mtu(&board, item->mtu);
        break;
    case GONE:
        farhook_disconnected(&board);
        break;
    case FRAME:
        farhook_received(&board, item->bytes, item->length, now);
        break;
    }
}

static void hang_up(struct bt_conn *conn, void *data)
{
    ARG_UNUSED(data);
    (void)bt_conn_disconnect(conn, BT_HCI_ERR_REMOTE_USER_TERM_CONN);
}

int main(void)
{
    static struct heard item;
    uint32_t published_at = 0;
    uint8_t first_id = 0;
    bool is_first = true;

    /* The numbers of events must not begin anew after a restart; a board that can, keeps farhook_next_id in flash. */
    if (psa_crypto_init() != PSA_SUCCESS || psa_generate_random(&first_id, 1) != PSA_SUCCESS ||
        !farhook_init(&board, &platform, DEVICE_KEY, first_id)) {
        printk("no cryptography\n");
        return 0;
    }
    if (bt_enable(NULL)) {
        printk("no Bluetooth\n");
        return 0;
    }
    bt_gatt_cb_register(&gatt_callbacks);
    (void)k_work_submit(&advertising);

    while (true) {
        /* Ten times a second, and at once when something was heard. */
        bool has_heard = k_msgq_get(&queue, &item, K_MSEC(100)) == 0;
        uint32_t now = k_uptime_get_32();
        if (has_heard) {
            take(&item, now);
        }
        if ((is_first || now - published_at >= PUBLISH_EVERY_MS) && !farhook_is_publishing(&board)) {
            char json[48];
            int tenths = (int)(read_temperature() * 10);
            snprintf(json, sizeof(json), "{\"temperature\":%s%d.%d}", tenths < 0 ? "-" : "", abs(tenths) / 10,
                     abs(tenths) % 10);
            if (farhook_publish(&board, "temp", json)) {
                is_first = false;
                published_at = now;
            }
        }
        farhook_run(&board, now);
        if (farhook_is_stale(&board, now)) {
            bt_conn_foreach(BT_CONN_TYPE_LE, hang_up, NULL);
        }
    }
    return 0;
}
