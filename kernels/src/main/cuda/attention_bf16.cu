// Attention on tensor cores with BF16 factors: forward.
#include "attention16_forward.cuh"

KERNELS(attention_bf16, Brain)
