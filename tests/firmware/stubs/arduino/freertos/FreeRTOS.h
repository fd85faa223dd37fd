/* Of FreeRTOS. */
#pragma once
#include <cstdint>
typedef int BaseType_t;
typedef unsigned UBaseType_t;
typedef uint32_t TickType_t;
