/* See farhook_link.h. */
#include "farhook_link.h"

#include <string.h>

enum { PROTO = 1 };
enum { FIRST = 1, LAST = 2, ZERO = 12 };
enum { PUBLISH = 1, RESPONSE = 2, ACK = 3, PING = 4, HELLO = 5, ERROR = 6 };
enum { BAD_FRAME = 1, BAD_MESSAGE = 2, BUSY = 3, NOT_AUTHENTICATED = 4, UNSUPPORTED = 5 };
enum { IN_IDLE, IN_OPEN, IN_DROPPED };

enum { NONCE_BYTES = 16, PROOF_BYTES = 32 };
enum { HEAD_BYTES = 3, LENGTH_BYTES = 2, CRC_BYTES = 2 };
enum { SMALLEST_ROOM = 20, NAME_BYTES = 64 };

#define STALL_MS 5000u   /* without the next frame, a message is dropped */
#define REPEAT_MS 5000u  /* without an answer, an event is sent again */
#define DAMAGED_MS 1000u /* after its frames were not whole */
#define BUSY_MS 10000u   /* after the gateway had no room for it */
#define PING_MS 30000u
#define HELLO_MS 10000u
#define SILENCE_MS 90000u

#if FARHOOK_OUT_BYTES > 4096
#error "a message has at most 4096 bytes"
#endif

static bool has_passed(uint32_t since_ms, uint32_t span_ms, uint32_t now_ms)
{
    return now_ms - since_ms >= span_ms;
}

/* Right also when the clock wraps on the way. */
static bool is_due(uint32_t due_ms, uint32_t now_ms)
{
    return now_ms - due_ms < UINT32_MAX / 2;
}

/* CRC-16/CCITT-FALSE. */
static uint16_t crc_of(const uint8_t *bytes, size_t length)
{
    uint16_t crc = 0xffff;
    for (size_t at = 0; at < length; at++) {
        crc ^= (uint16_t)(bytes[at] << 8);
        for (int bit = 0; bit < 8; bit++) {
            crc = (uint16_t)((crc & 0x8000) ? (crc << 1) ^ 0x1021 : crc << 1);
        }
    }
    return crc;
}

/* Takes as long whether they differ early, late or not at all. */
static bool is_same(const uint8_t *left, const uint8_t *right, size_t length)
{
    uint8_t difference = 0;
    for (size_t at = 0; at < length; at++) {
        difference |= (uint8_t)(left[at] ^ right[at]);
    }
    return difference == 0;
}

static bool prove(const struct farhook_link *link, const char *who, const uint8_t *other_nonce,
                  const uint8_t *own_nonce, uint8_t proof[PROOF_BYTES])
{
    uint8_t text[sizeof("farhook gateway") - 1 + 2 * NONCE_BYTES];
    size_t length = strlen(who);
    memcpy(text, who, length);
    memcpy(text + length, other_nonce, NONCE_BYTES);
    memcpy(text + length + NONCE_BYTES, own_nonce, NONCE_BYTES);
    length += 2 * NONCE_BYTES;
    return link->platform->hmac_sha256(link->platform->user, link->key, sizeof(link->key), text, length, proof);
}

bool farhook_init(struct farhook_link *link, const struct farhook_platform *platform, const char *device_key,
                  uint8_t next_id)
{
    static const char PURPOSE[] = "farhook link";
    memset(link, 0, sizeof(*link));
    link->platform = platform;
    link->next_id = next_id;
    link->room = SMALLEST_ROOM;
    return platform->hmac_sha256(platform->user, (const uint8_t *)device_key, strlen(device_key),
                                 (const uint8_t *)PURPOSE, sizeof(PURPOSE) - 1, link->key);
}

static void forget_connection(struct farhook_link *link)
{
    link->has_hello = link->has_ack = link->has_error = false;
    link->out_kind = 0;
    link->in_state = IN_IDLE;
    link->event_waits = false;
}

void farhook_subscribed(struct farhook_link *link, uint16_t mtu, uint32_t now_ms)
{
    forget_connection(link);
    link->state = FARHOOK_LISTENING;
    link->since_ms = link->heard_ms = link->sent_ms = now_ms;
    farhook_mtu(link, mtu);
}

void farhook_mtu(struct farhook_link *link, uint16_t mtu)
{
    size_t room = mtu > 3 ? mtu - 3u : 0;
    room = room < SMALLEST_ROOM ? SMALLEST_ROOM : room;
    link->room = room > FARHOOK_FRAME_BYTES ? FARHOOK_FRAME_BYTES : room;
}

void farhook_disconnected(struct farhook_link *link)
{
    forget_connection(link);
    link->state = FARHOOK_DOWN;
    link->room = SMALLEST_ROOM;
}

static void complain(struct farhook_link *link, uint8_t id, uint8_t code)
{
    link->has_error = true;
    link->error_id = id;
    link->error_code = code;
}

/* What is under way is not sent on: its sender has changed it, or needs it no more. */
static void stop_sending(struct farhook_link *link, uint8_t kind)
{
    if (link->out_kind == kind) {
        link->out_kind = 0;
    }
}

static void finish_event(struct farhook_link *link, enum farhook_outcome outcome, uint8_t code)
{
    link->has_event = false;
    stop_sending(link, PUBLISH);
    if (link->platform->published) {
        link->platform->published(link->platform->user, link->event_id, outcome, code);
    }
}

static void event_later(struct farhook_link *link, uint32_t due_ms)
{
    stop_sending(link, PUBLISH);
    link->event_waits = true;
    link->event_due_ms = due_ms;
}

static void take_hello(struct farhook_link *link)
{
    uint8_t proof[PROOF_BYTES];
    const struct farhook_platform *platform = link->platform;
    if (link->in_length == 0 || link->in[0] != PROTO) {
        complain(link, link->in_id, UNSUPPORTED);
    } else if (link->in_length == 1 + NONCE_BYTES) {
        memcpy(link->gateway_nonce, link->in + 1, NONCE_BYTES);
        stop_sending(link, HELLO);
        link->hello[0] = PROTO;
        if (platform->random_bytes(platform->user, link->nonce, NONCE_BYTES) &&
            prove(link, "farhook device", link->gateway_nonce, link->nonce, link->hello + 1 + NONCE_BYTES)) {
            memcpy(link->hello + 1, link->nonce, NONCE_BYTES);
            link->has_hello = true;
            link->state = FARHOOK_ANSWERED;
        }
    } else if (link->in_length == 1 + PROOF_BYTES && link->state == FARHOOK_ANSWERED) {
        if (prove(link, "farhook gateway", link->nonce, link->gateway_nonce, proof) &&
            is_same(proof, link->in + 1, PROOF_BYTES)) {
            link->state = FARHOOK_READY;
        } else {
            complain(link, link->in_id, NOT_AUTHENTICATED);
            link->state = FARHOOK_STRANGER;
        }
    } else {
        complain(link, link->in_id, BAD_MESSAGE);
    }
}

static void take_response(struct farhook_link *link)
{
    size_t name_length = link->in_length ? link->in[0] : 0;
    uint16_t crc = crc_of(link->in, link->in_length);
    if (link->in_length < 1 + name_length) {
        complain(link, link->in_id, BAD_MESSAGE);
        return;
    }
    bool is_repeated = link->has_response && link->response_id == link->in_id && link->response_crc == crc;
    link->has_response = true;
    link->response_id = link->in_id;
    link->response_crc = crc;
    link->has_ack = true;
    link->ack_id = link->in_id;
    if (!is_repeated && link->platform->response) {
        link->platform->response(link->platform->user, (const char *)link->in + 1, name_length,
                                 link->in + 1 + name_length, link->in_length - 1 - name_length);
    }
}

static void take_error(struct farhook_link *link, uint32_t now_ms)
{
    uint8_t code = link->in_length ? link->in[0] : 0;
    if (code == NOT_AUTHENTICATED) {
        link->state = FARHOOK_STRANGER;
    } else if (link->has_event && link->in_id == link->event_id) {
        if (code == BAD_FRAME) {
            event_later(link, now_ms + DAMAGED_MS);
        } else if (code == BUSY) {
            event_later(link, now_ms + BUSY_MS);
        } else {
            finish_event(link, FARHOOK_REFUSED, code);
        }
    }
}

static void take_message(struct farhook_link *link, uint32_t now_ms)
{
    link->heard_ms = now_ms;
    if (link->in_kind == HELLO) {
        take_hello(link);
    } else if (link->in_kind == ERROR) {
        take_error(link, now_ms);
    } else if (link->state != FARHOOK_READY) {
        complain(link, link->in_id, NOT_AUTHENTICATED);
    } else if (link->in_kind == RESPONSE) {
        take_response(link);
    } else if (link->in_kind == ACK) {
        if (link->has_event && link->in_id == link->event_id) {
            finish_event(link, FARHOOK_DELIVERED, 0);
        }
    } else {
        complain(link, link->in_id, UNSUPPORTED);
    }
}

/* The message under way is given up; what is still to come of it is passed over. */
static void drop(struct farhook_link *link, uint8_t kind, uint8_t id, uint8_t code, bool is_last, uint8_t frame_id)
{
    /* The number of an ACK or an ERROR is that of a message of ours. */
    if (kind != ACK && kind != ERROR) {
        complain(link, id, code);
    }
    link->in_state = is_last ? IN_IDLE : IN_DROPPED;
    link->in_id = frame_id;
}

static void drop_stalled(struct farhook_link *link, uint32_t now_ms)
{
    if (link->in_state == IN_OPEN && has_passed(link->in_ms, STALL_MS, now_ms)) {
        drop(link, link->in_kind, link->in_id, BAD_FRAME, false, link->in_id);
    }
}

void farhook_received(struct farhook_link *link, const uint8_t *frame, size_t length, uint32_t now_ms)
{
    if (link->state == FARHOOK_DOWN || link->state == FARHOOK_STRANGER) {
        return;
    }
    drop_stalled(link, now_ms);
    if (length < HEAD_BYTES) {
        uint8_t named = length > 1 ? frame[1] : 0;
        drop(link, 0, named, BAD_FRAME, false, named);
        return;
    }
    uint8_t kind = frame[0] >> 4;
    uint8_t id = frame[1];
    uint8_t seq = frame[2];
    bool is_first = frame[0] & FIRST;
    bool is_last = frame[0] & LAST;
    bool is_strange = frame[0] & ZERO;
    if (!is_first && link->in_state == IN_DROPPED && link->in_id == id) {
        link->in_state = is_last ? IN_IDLE : IN_DROPPED;
        return;
    }
    if (kind < PUBLISH || kind > ERROR) {
        drop(link, kind, id, UNSUPPORTED, is_last, id);
        return;
    }
    if (is_strange) {
        drop(link, kind, id, BAD_FRAME, is_last, id);
        return;
    }
    frame += HEAD_BYTES;
    length -= HEAD_BYTES;
    if (is_first) {
        if (length < LENGTH_BYTES) {
            drop(link, kind, id, BAD_FRAME, is_last, id);
            return;
        }
        link->in_total = (size_t)(frame[0] | frame[1] << 8);
        frame += LENGTH_BYTES;
        length -= LENGTH_BYTES;
        if (link->in_total > FARHOOK_IN_BYTES) {
            drop(link, kind, id, BAD_MESSAGE, is_last, id);
            return;
        }
        link->in_state = IN_OPEN;
        link->in_kind = kind;
        link->in_id = id;
        link->in_seq = 0;
        link->in_length = 0;
    } else if (link->in_state != IN_OPEN) {
        drop(link, kind, id, BAD_FRAME, is_last, id);
        return;
    }
    size_t payload = is_last && length >= CRC_BYTES ? length - CRC_BYTES : length;
    bool is_bad = (is_last && length < CRC_BYTES) || id != link->in_id || kind != link->in_kind ||
                  seq != link->in_seq || payload > link->in_total - link->in_length;
    if (!is_bad) {
        memcpy(link->in + link->in_length, frame, payload);
        link->in_length += payload;
        link->in_seq++;
        link->in_ms = now_ms;
        if (!is_last) {
            return;
        }
        uint16_t crc = (uint16_t)(frame[payload] | frame[payload + 1] << 8);
        is_bad = link->in_length != link->in_total || crc != crc_of(link->in, link->in_length);
    }
    if (is_bad) {
        drop(link, link->in_kind, link->in_id, BAD_FRAME, is_last, id);
        return;
    }
    link->in_state = IN_IDLE;
    take_message(link, now_ms);
}

static void begin(struct farhook_link *link, uint8_t kind, uint8_t id, const uint8_t *body, size_t length)
{
    link->out_kind = kind;
    link->out_id = id;
    link->out = body;
    link->out_length = length;
    link->out_crc = crc_of(body, length);
    link->out_at = 0;
    link->out_seq = 0;
    link->out_began = false;
}

/* Chooses what to send next. */
static bool begin_next(struct farhook_link *link, uint32_t now_ms)
{
    bool is_ready = link->state == FARHOOK_READY;
    if (link->has_hello) {
        link->has_hello = false;
        begin(link, HELLO, link->next_id++, link->hello, sizeof(link->hello));
    } else if (link->has_ack) {
        link->has_ack = false;
        begin(link, ACK, link->ack_id, NULL, 0);
    } else if (link->has_error) {
        link->has_error = false;
        link->out_code = link->error_code;
        begin(link, ERROR, link->error_id, &link->out_code, 1);
    } else if (is_ready && link->has_event && (!link->event_waits || is_due(link->event_due_ms, now_ms))) {
        begin(link, PUBLISH, link->event_id, link->event, link->event_length);
    } else if (is_ready && has_passed(link->sent_ms, PING_MS, now_ms)) {
        begin(link, PING, link->next_id++, NULL, 0);
    } else {
        return false;
    }
    return true;
}

/* Sends the next frame of the message under way. False if there was no room for it. */
static bool send_frame(struct farhook_link *link, uint32_t now_ms)
{
    uint8_t frame[FARHOOK_FRAME_BYTES];
    size_t length = HEAD_BYTES;
    size_t left = link->out_length - link->out_at;
    frame[0] = (uint8_t)(link->out_kind << 4);
    frame[1] = link->out_id;
    frame[2] = link->out_seq;
    if (!link->out_began) {
        frame[0] |= FIRST;
        frame[length++] = (uint8_t)link->out_length;
        frame[length++] = (uint8_t)(link->out_length >> 8);
    }
    size_t payload = left < link->room - length ? left : link->room - length;
    if (payload > 0) {
        memcpy(frame + length, link->out + link->out_at, payload);
    }
    length += payload;
    bool is_last = payload == left && length + CRC_BYTES <= link->room;
    if (is_last) {
        frame[0] |= LAST;
        frame[length++] = (uint8_t)link->out_crc;
        frame[length++] = (uint8_t)(link->out_crc >> 8);
    }
    if (!link->platform->send(link->platform->user, frame, length)) {
        return false;
    }
    link->sent_ms = now_ms;
    link->out_began = true;
    link->out_at += payload;
    link->out_seq++;
    if (is_last) {
        if (link->out_kind == PUBLISH) {
            event_later(link, now_ms + REPEAT_MS);
        }
        link->out_kind = 0;
    }
    return true;
}

void farhook_run(struct farhook_link *link, uint32_t now_ms)
{
    if (link->state == FARHOOK_DOWN) {
        return;
    }
    drop_stalled(link, now_ms);
    while (link->out_kind || begin_next(link, now_ms)) {
        if (!send_frame(link, now_ms)) {
            return;
        }
    }
}

static bool is_name(const char *name)
{
    size_t length = strlen(name);
    for (size_t at = 0; at < length; at++) {
        if (name[at] < ' ' || name[at] > '~' || name[at] == '"' || name[at] == '\\') {
            return false;
        }
    }
    return length > 0 && length <= NAME_BYTES;
}

static size_t append(uint8_t *to, size_t at, const char *text)
{
    size_t length = strlen(text);
    memcpy(to + at, text, length);
    return at + length;
}

bool farhook_publish(struct farhook_link *link, const char *name, const char *json)
{
    static const char BEFORE[] = "{\"t\":\"", BETWEEN[] = "\",\"d\":", AFTER[] = "}", WITHOUT[] = "\"}";
    size_t json_length = json ? strlen(json) : 0;
    size_t around = sizeof(BEFORE) + sizeof(BETWEEN) + sizeof(AFTER);
    if (link->has_event || !is_name(name) || json_length > FARHOOK_OUT_BYTES ||
        around + strlen(name) + json_length > FARHOOK_OUT_BYTES) {
        return false;
    }
    size_t length = append(link->event, append(link->event, 0, BEFORE), name);
    if (json) {
        length = append(link->event, append(link->event, append(link->event, length, BETWEEN), json), AFTER);
    } else {
        length = append(link->event, length, WITHOUT);
    }
    link->event_length = length;
    link->event_id = link->next_id++;
    link->event_waits = false;
    link->has_event = true;
    return true;
}

bool farhook_is_publishing(const struct farhook_link *link)
{
    return link->has_event;
}

uint8_t farhook_next_id(const struct farhook_link *link)
{
    return link->next_id;
}

enum farhook_state farhook_state(const struct farhook_link *link)
{
    return link->state;
}

bool farhook_is_stale(const struct farhook_link *link, uint32_t now_ms)
{
    switch (link->state) {
    case FARHOOK_DOWN:
        return false;
    case FARHOOK_LISTENING:
    case FARHOOK_ANSWERED:
        return has_passed(link->since_ms, HELLO_MS, now_ms);
    case FARHOOK_STRANGER:
        /* The error that says so goes out first. */
        return !link->has_error && !link->out_kind;
    case FARHOOK_READY:
        break;
    }
    return has_passed(link->heard_ms, SILENCE_MS, now_ms);
}
