/* Of ESP-IDF 5. */
#pragma once
#include <cstddef>
void esp_fill_random(void *buf, size_t len);
