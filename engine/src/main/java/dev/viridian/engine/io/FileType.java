package dev.viridian.engine.io;

import dev.viridian.kernels.DType;
import org.jspecify.annotations.Nullable;

/**
 * The type of one stored number in a weight file. The names are those of the safetensors format. A
 * file may hold types that nothing here computes with; those have no {@link #dtype()}.
 */
public enum FileType {
  /** IEEE 754 binary64. */
  F64(8, null),
  /** IEEE 754 binary32. */
  F32(4, DType.F32),
  /** IEEE 754 binary16. */
  F16(2, DType.F16),
  /** The upper half of a binary32. */
  BF16(2, DType.BF16),
  /** Signed 64-bit integer. */
  I64(8, DType.I64),
  /** Signed 32-bit integer. */
  I32(4, DType.I32),
  /** Signed 16-bit integer. */
  I16(2, null),
  /** Signed 8-bit integer. */
  I8(1, null),
  /** Unsigned 64-bit integer. */
  U64(8, null),
  /** Unsigned 32-bit integer. */
  U32(4, null),
  /** Unsigned 16-bit integer. */
  U16(2, null),
  /** Unsigned 8-bit integer. */
  U8(1, DType.U8),
  /** One byte a value, 0 is false. */
  BOOL(1, null),
  /** 8-bit float, 4 exponent and 3 mantissa bits. */
  F8_E4M3(1, null),
  /** 8-bit float, 5 exponent and 2 mantissa bits. */
  F8_E5M2(1, null),
  /** Complex number of two binary32. */
  C64(8, null);

  private final int bytes;
  private final @Nullable DType dtype;

  FileType(int bytes, @Nullable DType dtype) {
    this.bytes = bytes;
    this.dtype = dtype;
  }

  /** Size of one number in bytes. */
  public int bytes() {
    return bytes;
  }

  /** The type to compute with that has the same bits, or null where there is none. */
  public @Nullable DType dtype() {
    return dtype;
  }

  /** The type with the bits of {@code dtype}. */
  public static FileType of(DType dtype) {
    return switch (dtype) {
      case F32 -> F32;
      case BF16 -> BF16;
      case F16 -> F16;
      case I32 -> I32;
      case I64 -> I64;
      case U8 -> U8;
    };
  }

  /** The type of that name in a safetensors header ({@code "F32"}), or null for an unknown one. */
  static @Nullable FileType named(String name) {
    for (FileType type : values()) {
      if (type.name().equals(name)) {
        return type;
      }
    }
    return null;
  }
}
