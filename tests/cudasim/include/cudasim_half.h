/* Numbers of 16 bits: what bf16 and half have in common. */
#ifndef CUDASIM_HALF_H
#define CUDASIM_HALF_H

#include <cuda_runtime.h>

extern "C" {
#include "model/tensors.h"
}

#define CUDASIM_HALF(type, pair, pack, unpack)                                 \
	struct type {                                                          \
		unsigned short bits;                                           \
		type() = default;                                              \
		explicit type(float v) : bits(pack(v))                         \
		{                                                              \
		}                                                              \
		operator float() const                                         \
		{                                                              \
			return unpack(bits);                                   \
		}                                                              \
	};                                                                     \
	struct __align__(4) pair                                               \
	{                                                                      \
		type x, y;                                                     \
	};

#endif
