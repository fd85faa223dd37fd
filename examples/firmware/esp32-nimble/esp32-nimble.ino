/*
 * An ESP32 that publishes a temperature to farhook over Bluetooth every minute, and prints what the hooks answer.
 *
 * For the Arduino IDE: boards "esp32" by Espressif 3.x, library "NimBLE-Arduino" by h2zero 2.x. Copy farhook_link.h
 * and farhook_link.c beside this file. Adopt the board (`farhook ble adopt ADDRESS --link farhook`), and put the key
 * that is shown into DEVICE_KEY.
 */
#include <Arduino.h>
#include <NimBLEDevice.h>
#include <esp_random.h>
#include <freertos/FreeRTOS.h>
#include <freertos/queue.h>
#include <mbedtls/md.h>

#include "farhook_link.h"

static const char *DEVICE_NAME = "greenhouse";
static const char *DEVICE_KEY = "KEY";
static const char *DEVICE_INFO = "{\"proto\":1,\"id\":\"greenhouse\",\"fw\":\"1.0\"}";
static const uint32_t PUBLISH_EVERY_MS = 60000;

/* The Bluetooth library calls from a task of its own. What it says waits here for loop(). */
enum Kind : uint8_t { SUBSCRIBED, MTU_CHANGED, GONE, FRAME };
struct Heard {
  Kind kind;
  uint16_t mtu;
  uint16_t length;
  uint8_t bytes[FARHOOK_FRAME_BYTES];
};
static QueueHandle_t heard;

static farhook_link link_;
static NimBLECharacteristic *tx;
static uint16_t connection = BLE_HS_CONN_HANDLE_NONE;

/* Survives a deep sleep: the gateway must not take a new event for an old one. */
RTC_DATA_ATTR static uint8_t nextId = 0;

static float readTemperature() { return 21.5f; /* your sensor */ }

static bool sendFrame(void *, const uint8_t *frame, size_t length) { return tx->notify(frame, length, connection); }

static bool hmacSha256(void *, const uint8_t *key, size_t keyLength, const uint8_t *text, size_t length,
                       uint8_t mac[32]) {
  return mbedtls_md_hmac(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), key, keyLength, text, length, mac) == 0;
}

static bool randomBytes(void *, uint8_t *bytes, size_t length) {
  esp_fill_random(bytes, length);
  return true;
}

static void published(void *, uint8_t id, farhook_outcome outcome, uint8_t code) {
  if (outcome == FARHOOK_DELIVERED) Serial.printf("event %u is safe\n", id);
  else Serial.printf("event %u was refused, code %u\n", id, code);
}

static void response(void *, const char *name, size_t nameLength, const uint8_t *data, size_t length) {
  Serial.printf("%.*s: %.*s\n", (int)nameLength, name, (int)length, (const char *)data);
}

static const farhook_platform platform = {nullptr, sendFrame, hmacSha256, randomBytes, published, response};

/* A change of the connection: what was heard before it is of no use any more. */
static void tell(Kind kind, uint16_t mtu) {
  Heard item = {};
  item.kind = kind;
  item.mtu = mtu;
  if (kind != MTU_CHANGED) xQueueReset(heard);
  xQueueSend(heard, &item, 0);
}

class ServerCallbacks : public NimBLEServerCallbacks {
  void onConnect(NimBLEServer *, NimBLEConnInfo &info) override { connection = info.getConnHandle(); }
  void onDisconnect(NimBLEServer *, NimBLEConnInfo &, int) override {
    tell(GONE, 0);
    NimBLEDevice::startAdvertising();
  }
  void onMTUChange(uint16_t mtu, NimBLEConnInfo &) override { tell(MTU_CHANGED, mtu); }
} serverCallbacks;

class TxCallbacks : public NimBLECharacteristicCallbacks {
  void onSubscribe(NimBLECharacteristic *, NimBLEConnInfo &info, uint16_t value) override {
    if (value & 1) tell(SUBSCRIBED, info.getMTU());
    else tell(GONE, 0);
  }
} txCallbacks;

class RxCallbacks : public NimBLECharacteristicCallbacks {
  void onWrite(NimBLECharacteristic *characteristic, NimBLEConnInfo &) override {
    NimBLEAttValue value = characteristic->getValue();
    Heard item = {};
    item.kind = FRAME;
    item.length = value.size();
    if (item.length > sizeof(item.bytes)) return;
    memcpy(item.bytes, value.data(), item.length);
    /* If there is no room, the frame is lost, and the gateway sends its message again. */
    xQueueSend(heard, &item, 0);
  }
} rxCallbacks;

void setup() {
  Serial.begin(115200);
  heard = xQueueCreate(16, sizeof(Heard));
  if (!farhook_init(&link_, &platform, DEVICE_KEY, nextId)) Serial.println("no HMAC");

  NimBLEDevice::init(DEVICE_NAME);
  NimBLEDevice::setMTU(247);
  NimBLEServer *server = NimBLEDevice::createServer();
  server->setCallbacks(&serverCallbacks, false);
  NimBLEService *service = server->createService(FARHOOK_SERVICE_UUID);
  tx = service->createCharacteristic(FARHOOK_TX_UUID, NIMBLE_PROPERTY::NOTIFY);
  tx->setCallbacks(&txCallbacks);
  service->createCharacteristic(FARHOOK_RX_UUID, NIMBLE_PROPERTY::WRITE | NIMBLE_PROPERTY::WRITE_NR)
      ->setCallbacks(&rxCallbacks);
  service->createCharacteristic(FARHOOK_INFO_UUID, NIMBLE_PROPERTY::READ)->setValue(DEVICE_INFO);
  service->start();

  NimBLEAdvertising *advertising = NimBLEDevice::getAdvertising();
  advertising->addServiceUUID(FARHOOK_SERVICE_UUID);
  advertising->enableScanResponse(true); /* the name does not fit beside the UUID */
  advertising->setName(DEVICE_NAME);
  advertising->setMinInterval(800);      /* 500 ms; the unit is 0.625 ms */
  advertising->setMaxInterval(1000);
  NimBLEDevice::startAdvertising();
}

static void take(const Heard &item, uint32_t now) {
  switch (item.kind) {
    case SUBSCRIBED: farhook_subscribed(&link_, item.mtu, now); break;
    case MTU_CHANGED: farhook_mtu(&link_, item.mtu); break;
    case GONE: farhook_disconnected(&link_); break;
    case FRAME: farhook_received(&link_, item.bytes, item.length, now); break;
  }
}

void loop() {
  static uint32_t publishedAt = 0;
  static bool isFirst = true;
  static Heard item;
  uint32_t now = millis();
  while (xQueueReceive(heard, &item, 0)) take(item, now);

  if ((isFirst || now - publishedAt >= PUBLISH_EVERY_MS) && !farhook_is_publishing(&link_)) {
    char json[48];
    snprintf(json, sizeof(json), "{\"temperature\":%.1f}", readTemperature());
    if (farhook_publish(&link_, "temp", json)) {
      isFirst = false;
      publishedAt = now;
    }
  }
  farhook_run(&link_, now);
  nextId = farhook_next_id(&link_);
  if (farhook_is_stale(&link_, now)) NimBLEDevice::getServer()->disconnect(connection);

  /*
   * To sleep between two readings instead, wait until the event is safe and its response is here, then
   *   esp_sleep_enable_timer_wakeup(60ULL * 1000000);
   *   esp_deep_sleep_start();
   * The board is gone while it sleeps, and wakes up in setup(). From there to the hello are some seconds.
   */
  delay(10);
}
