/*
 * What the sketch uses of NimBLE-Arduino 2.x, declared and no more. Source: the class reference of version 2.3.7,
 * h2zero.github.io/NimBLE-Arduino, read 2026-11.
 */
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

#define BLE_HS_CONN_HANDLE_NONE 0xffff
#define BLE_ATT_ATTR_MAX_LEN 512
#define BLE_ERR_REM_USER_CONN_TERM 0x13

typedef enum { READ = 2, WRITE_NR = 4, WRITE = 8, NOTIFY = 16 } NIMBLE_PROPERTY;

class NimBLEServer;
class NimBLECharacteristic;

class NimBLEConnInfo {
 public:
  uint16_t getConnHandle() const;
  uint16_t getMTU() const;
};

class NimBLEAttValue {
 public:
  uint16_t size() const;
  const uint8_t *data() const;
};

class NimBLECharacteristicCallbacks {
 public:
  virtual ~NimBLECharacteristicCallbacks() {}
  virtual void onRead(NimBLECharacteristic *pCharacteristic, NimBLEConnInfo &connInfo);
  virtual void onWrite(NimBLECharacteristic *pCharacteristic, NimBLEConnInfo &connInfo);
  virtual void onSubscribe(NimBLECharacteristic *pCharacteristic, NimBLEConnInfo &connInfo, uint16_t subValue);
};

class NimBLECharacteristic {
 public:
  NimBLEAttValue getValue() const;
  void setValue(const char *str);
  void setCallbacks(NimBLECharacteristicCallbacks *pCallbacks);
  bool notify(const uint8_t *value, size_t length, uint16_t connHandle = BLE_HS_CONN_HANDLE_NONE) const;
};

class NimBLEService {
 public:
  bool start();
  NimBLECharacteristic *createCharacteristic(const char *uuid,
                                             uint32_t properties = NIMBLE_PROPERTY::READ | NIMBLE_PROPERTY::WRITE,
                                             uint16_t max_len = BLE_ATT_ATTR_MAX_LEN);
};

class NimBLEServerCallbacks {
 public:
  virtual ~NimBLEServerCallbacks() {}
  virtual void onConnect(NimBLEServer *pServer, NimBLEConnInfo &connInfo);
  virtual void onDisconnect(NimBLEServer *pServer, NimBLEConnInfo &connInfo, int reason);
  virtual void onMTUChange(uint16_t MTU, NimBLEConnInfo &connInfo);
};

class NimBLEServer {
 public:
  NimBLEService *createService(const char *uuid);
  void setCallbacks(NimBLEServerCallbacks *pCallbacks, bool deleteCallbacks = true);
  bool disconnect(uint16_t connHandle, uint8_t reason = BLE_ERR_REM_USER_CONN_TERM) const;
};

class NimBLEAdvertising {
 public:
  bool addServiceUUID(const char *serviceUUID);
  bool setName(const std::string &name);
  void enableScanResponse(bool enable);
  void setMinInterval(uint16_t minInterval);
  void setMaxInterval(uint16_t maxInterval);
};

class NimBLEDevice {
 public:
  static bool init(const std::string &deviceName);
  static bool setMTU(uint16_t mtu);
  static NimBLEServer *createServer();
  static NimBLEServer *getServer();
  static NimBLEAdvertising *getAdvertising();
  static bool startAdvertising(uint32_t duration = 0);
};
