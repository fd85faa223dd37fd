/* What the sketch uses of arduino-esp32 3.x, declared and no more. */
#pragma once
#include <cstdint>
#include <cstdio>
#include <cstring>

#define RTC_DATA_ATTR

uint32_t millis();
void delay(uint32_t ms);

struct HardwareSerial {
  void begin(unsigned long baud);
  size_t println(const char *text);
  size_t printf(const char *format, ...) __attribute__((format(printf, 2, 3)));
};
extern HardwareSerial Serial;
