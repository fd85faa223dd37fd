/*
 * A board for the tests: farhook_link behind standard input and output, one command a line. Bytes are hex digits.
 *
 *   init KEY NEXT_ID | subscribed MTU NOW | mtu MTU | disconnected | frame BYTES NOW | run NOW | publish NAME [JSON]
 *   room FRAMES      so many frames are taken, then none; -1 means all
 *
 * A frame without a byte and an empty name are written `-`. It says `send BYTES`, `response NAME BYTES`, `published ID OUTCOME CODE`, asks `hmac KEY BYTES` and `random COUNT`,
 * which are answered with a line of bytes, and ends each command with `done RESULT STATE IS_STALE NEXT_ID`.
 */
#include "farhook_link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct farhook_link board;
static int frames_left = -1;
static uint32_t now;

static void write_hex(const uint8_t *bytes, size_t length)
{
    for (size_t at = 0; at < length; at++) {
        printf("%02x", bytes[at]);
    }
}

static size_t read_hex(const char *text, uint8_t *bytes, size_t room)
{
    size_t length = 0;
    unsigned byte;
    while (length < room && sscanf(text + 2 * length, "%2x", &byte) == 1) {
        bytes[length++] = (uint8_t)byte;
    }
    return length;
}

static bool ask(uint8_t *bytes, size_t length)
{
    static char line[256];
    fflush(stdout);
    return fgets(line, sizeof(line), stdin) && read_hex(line, bytes, length) == length;
}

static bool send_frame(void *user, const uint8_t *frame, size_t length)
{
    (void)user;
    if (frames_left == 0) {
        return false;
    }
    frames_left -= frames_left > 0;
    printf("send ");
    write_hex(frame, length);
    printf("\n");
    return true;
}

static bool hmac_sha256(void *user, const uint8_t *key, size_t key_length, const uint8_t *text, size_t length,
                        uint8_t mac[32])
{
    (void)user;
    printf("hmac ");
    write_hex(key, key_length);
    printf(" ");
    write_hex(text, length);
    printf("\n");
    return ask(mac, 32);
}

static bool random_bytes(void *user, uint8_t *bytes, size_t length)
{
    (void)user;
    printf("random %zu\n", length);
    return ask(bytes, length);
}

static void published(void *user, uint8_t id, enum farhook_outcome outcome, uint8_t code)
{
    (void)user;
    printf("published %u %d %u\n", id, (int)outcome, code);
}

static void response(void *user, const char *name, size_t name_length, const uint8_t *data, size_t length)
{
    (void)user;
    printf("response %.*s ", (int)name_length, name);
    write_hex(data, length);
    printf("\n");
}

static const struct farhook_platform platform = {NULL, send_frame, hmac_sha256, random_bytes, published, response};

static bool obey(char *line)
{
    static uint8_t frame[1024];
    char *command = strtok(line, " ");
    char *first = strtok(NULL, " ");
    char *second = strtok(NULL, "");
    if (strcmp(command, "init") == 0) {
        return farhook_init(&board, &platform, first, (uint8_t)atoi(second));
    }
    if (strcmp(command, "subscribed") == 0) {
        now = (uint32_t)strtoul(second, NULL, 10);
        farhook_subscribed(&board, (uint16_t)atoi(first), now);
    } else if (strcmp(command, "mtu") == 0) {
        farhook_mtu(&board, (uint16_t)atoi(first));
    } else if (strcmp(command, "disconnected") == 0) {
        farhook_disconnected(&board);
    } else if (strcmp(command, "frame") == 0) {
        now = (uint32_t)strtoul(second, NULL, 10);
        /* Exactly as long as the frame, so that a byte read beyond it is seen. */
        size_t length = read_hex(first, frame, sizeof(frame));
        uint8_t *copy = malloc(length ? length : 1);
        memcpy(copy, frame, length);
        farhook_received(&board, copy, length, now);
        free(copy);
    } else if (strcmp(command, "run") == 0) {
        now = (uint32_t)strtoul(first, NULL, 10);
        farhook_run(&board, now);
    } else if (strcmp(command, "publish") == 0) {
        return farhook_publish(&board, strcmp(first, "-") == 0 ? "" : first, second);
    } else if (strcmp(command, "room") == 0) {
        frames_left = atoi(first);
    } else {
        return false;
    }
    return true;
}

int main(void)
{
    static char line[8192];
    while (fgets(line, sizeof(line), stdin)) {
        line[strcspn(line, "\n")] = '\0';
        bool result = obey(line);
        printf("done %d %d %d %u\n", result, (int)farhook_state(&board), farhook_is_stale(&board, now),
               farhook_next_id(&board));
        fflush(stdout);
    }
    return 0;
}
