/*
 * The device's side of farhook's Bluetooth link, for any board: frames, the hello, publishing, responses, pings.
 * docs/bluetooth-firmware.md says what goes over the air.
 *
 * Plain C99. It allocates nothing, starts no thread, reads no clock and knows no Bluetooth library: it is told what
 * happened, with the time in milliseconds on any clock that wraps at 32 bits, and calls back. All calls must come from
 * one thread: callbacks of a Bluetooth library put what they hear into a queue.
 */
#ifndef FARHOOK_LINK_H
#define FARHOOK_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FARHOOK_SERVICE_UUID "b1e50001-6a2f-4c5e-9f0d-7c1d5a9e0c01"
#define FARHOOK_TX_UUID "b1e50002-6a2f-4c5e-9f0d-7c1d5a9e0c01"   /* notify: device to gateway */
#define FARHOOK_RX_UUID "b1e50003-6a2f-4c5e-9f0d-7c1d5a9e0c01"   /* write: gateway to device */
#define FARHOOK_INFO_UUID "b1e50004-6a2f-4c5e-9f0d-7c1d5a9e0c01" /* read: what people like to know of the device */

/* Bytes of the longest event that can be published, as JSON. The protocol takes 4096. */
#ifndef FARHOOK_OUT_BYTES
#define FARHOOK_OUT_BYTES 512
#endif

/* Bytes of the longest message that is taken. A response has at most 1 + 255 + 512. */
#ifndef FARHOOK_IN_BYTES
#define FARHOOK_IN_BYTES 768
#endif

/* Bytes of the longest frame that is sent, whatever the MTU. */
#ifndef FARHOOK_FRAME_BYTES
#define FARHOOK_FRAME_BYTES 244
#endif

/* What became of an event. */
enum farhook_outcome {
    FARHOOK_DELIVERED, /* the gateway has it, and it survives a power cut there */
    FARHOOK_REFUSED,   /* the gateway can never take it */
};

/* How the link is. */
enum farhook_state {
    FARHOOK_DOWN,         /* nobody listens */
    FARHOOK_LISTENING,    /* the gateway subscribed, and has to say hello */
    FARHOOK_ANSWERED,     /* it did, and has to prove that it is the right one */
    FARHOOK_READY,        /* both sides know each other */
    FARHOOK_STRANGER,     /* the proof was wrong: another key, or another gateway */
};

/* What the board does for the link. Of the link's functions they may call farhook_publish alone. */
struct farhook_platform {
    void *user; /* handed back with each call */

    /* Notifies TX of one frame. False if there is no room at the moment: it is tried again with farhook_run. */
    bool (*send)(void *user, const uint8_t *frame, size_t length);

    /* HMAC-SHA256 of text. False if it cannot be had. */
    bool (*hmac_sha256)(void *user, const uint8_t *key, size_t key_length, const uint8_t *text, size_t length,
                        uint8_t mac[32]);

    /* Fills with bytes that nobody can guess. False if there are none. */
    bool (*random_bytes)(void *user, uint8_t *bytes, size_t length);

    /* An event is done with. `code` is 0, or that of the gateway's error. May be NULL. */
    void (*published)(void *user, uint8_t id, enum farhook_outcome outcome, uint8_t code);

    /* What a hook answered, one part of it. The name is no C string. May be NULL. */
    void (*response)(void *user, const char *name, size_t name_length, const uint8_t *data, size_t length);
};

/* A link. Its fields are its own. */
struct farhook_link {
    const struct farhook_platform *platform;
    uint8_t key[32];
    enum farhook_state state;
    size_t room;       /* bytes of a frame: MTU - 3 */
    uint32_t since_ms; /* when the gateway subscribed */
    uint32_t heard_ms;
    uint32_t sent_ms;
    uint8_t gateway_nonce[16];
    uint8_t nonce[16];

    /* The event that is under way. */
    uint8_t event[FARHOOK_OUT_BYTES];
    size_t event_length;
    uint8_t event_id;
    uint8_t next_id;
    bool has_event;
    bool event_waits; /* for event_due_ms; else it is to be sent now */
    uint32_t event_due_ms;

    /* Short messages that are still to be sent. */
    uint8_t hello[49];
    uint8_t error_code;
    uint8_t error_id;
    uint8_t ack_id;
    bool has_hello;
    bool has_ack;
    bool has_error;

    /* The message that is being sent. */
    const uint8_t *out;
    size_t out_length;
    size_t out_at;
    uint16_t out_crc;
    uint8_t out_kind; /* 0: none */
    uint8_t out_id;
    uint8_t out_seq;
    uint8_t out_code;
    bool out_began;

    /* The message that is being received. */
    uint8_t in[FARHOOK_IN_BYTES];
    size_t in_total;
    size_t in_length;
    uint32_t in_ms;
    uint8_t in_kind;
    uint8_t in_id;
    uint8_t in_seq;
    uint8_t in_state;

    /* The response that came last, to tell a repetition. */
    uint16_t response_crc;
    uint8_t response_id;
    bool has_response;
};

/*
 * Prepares a link. `device_key` is what `farhook ble adopt` or `farhook device key` showed. `next_id` is the number of
 * the next event: 0 on a new device, and what farhook_next_id said before a sleep or restart. The gateway tells by it
 * an event that is sent again from a new one that happens to say the same. False if there is no HMAC.
 */
bool farhook_init(struct farhook_link *link, const struct farhook_platform *platform, const char *device_key,
                  uint8_t next_id);

/* The gateway subscribed to TX. */
void farhook_subscribed(struct farhook_link *link, uint16_t mtu, uint32_t now_ms);

/* The MTU of the connection changed. */
void farhook_mtu(struct farhook_link *link, uint16_t mtu);

/* The gateway is gone. An event that it has not acknowledged is kept, and sent again to the next one. */
void farhook_disconnected(struct farhook_link *link);

/* The gateway wrote a frame to RX. */
void farhook_received(struct farhook_link *link, const uint8_t *frame, size_t length, uint32_t now_ms);

/* Sends what is to be sent. To be called after all others, and ten times a second or so. */
void farhook_run(struct farhook_link *link, uint32_t now_ms);

/*
 * Publishes an event: at once if the link is ready, else when it is. `json` is its data as JSON (`21.5`, `"open"`,
 * `{"temperature":21.5}`), or NULL. False if another event is under way, the name cannot be one, or both together are
 * too long.
 */
bool farhook_publish(struct farhook_link *link, const char *name, const char *json);

/* Whether an event is under way. */
bool farhook_is_publishing(const struct farhook_link *link);

/* The number of the next event, to be kept over a sleep. */
uint8_t farhook_next_id(const struct farhook_link *link);

/* How the link is. */
enum farhook_state farhook_state(const struct farhook_link *link);

/*
 * Whether the connection should be ended and advertising begun anew: the hello was not done within ten seconds, its
 * proof was wrong, or nothing was heard for ninety.
 */
bool farhook_is_stale(const struct farhook_link *link, uint32_t now_ms);

#ifdef __cplusplus
}
#endif

#endif
