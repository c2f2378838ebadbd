package dev.viridian.engine.io;

import java.util.HashMap;
import java.util.Map;

/**
 * The closed list of names that a checkpoint's pickle may mention. A name that is not here ends the
 * reading at once; a name that is here stands for one of the values below, never for a class or
 * function of the running program.
 */
final class TorchGlobals {
  private static final Map<String, Global> KNOWN = new HashMap<>();

  private TorchGlobals() {}

  /** What a known name stands for. */
  sealed interface Global {}

  /** Functions and classes that a pickle calls; {@link TorchConstructors} says what comes of it. */
  enum Constructor implements Global {
    ORDERED_DICT,
    REBUILD_TENSOR,
    REBUILD_TENSOR_V2,
    REBUILD_TENSOR_V3,
    REBUILD_PARAMETER,
    REBUILD_PARAMETER_WITH_STATE,
    JIT_LIST,
    JIT_TAG,
    SIZE,
    SET,
    INERT
  }

  /** The type of a storage. */
  record StorageType(FileType type, boolean untyped) implements Global {}

  /** A torch.dtype. */
  record NumberType(FileType type) implements Global {}

  /**
   * A class whose objects are nothing but attributes.
   *
   * @param name its full name
   * @param script whether it is TorchScript's, which keeps parameters among the attributes; else it
   *     is a torch.nn container, which keeps them in {@code _parameters}
   */
  record DataClass(String name, boolean script) implements Global {}

  /** A class that may be named, as the key of a dictionary, but not built. */
  record NameOnly(String name) implements Global {}

  static {
    put("collections.OrderedDict", Constructor.ORDERED_DICT);
    put("torch._utils._rebuild_tensor", Constructor.REBUILD_TENSOR);
    put("torch._utils._rebuild_tensor_v2", Constructor.REBUILD_TENSOR_V2);
    put("torch._utils._rebuild_tensor_v3", Constructor.REBUILD_TENSOR_V3);
    put("torch._utils._rebuild_parameter", Constructor.REBUILD_PARAMETER);
    put("torch._utils._rebuild_parameter_with_state", Constructor.REBUILD_PARAMETER_WITH_STATE);
    for (String type : new String[] {"int", "double", "bool", "tensor"}) {
      put("torch.jit._pickle.build_" + type + "list", Constructor.JIT_LIST);
    }
    put("torch.jit._pickle.restore_type_tag", Constructor.JIT_TAG);
    put("torch.Size", Constructor.SIZE);
    for (String module : new String[] {"builtins.", "__builtin__."}) {
      put(module + "set", Constructor.SET);
      put(module + "frozenset", Constructor.SET);
    }
    // Lightning keeps losses as numpy numbers; nothing here needs their values.
    put("numpy.dtype", Constructor.INERT);
    put("numpy.core.multiarray.scalar", Constructor.INERT);
    put("numpy._core.multiarray.scalar", Constructor.INERT);
    put("_codecs.encode", Constructor.INERT);
    put("torch.device", Constructor.INERT);
    storage("Double", "float64", FileType.F64);
    storage("Float", "float32", FileType.F32);
    storage("Half", "float16", FileType.F16);
    storage("BFloat16", "bfloat16", FileType.BF16);
    storage("Long", "int64", FileType.I64);
    storage("Int", "int32", FileType.I32);
    storage("Short", "int16", FileType.I16);
    storage("Char", "int8", FileType.I8);
    storage("Byte", "uint8", FileType.U8);
    storage("Bool", "bool", FileType.BOOL);
    put("torch.UntypedStorage", new StorageType(FileType.U8, true));
    put("torch.storage.UntypedStorage", new StorageType(FileType.U8, true));
    put("torch.uint16", new NumberType(FileType.U16));
    put("torch.uint32", new NumberType(FileType.U32));
    put("torch.uint64", new NumberType(FileType.U64));
    put("torch.float8_e4m3fn", new NumberType(FileType.F8_E4M3));
    put("torch.float8_e5m2", new NumberType(FileType.F8_E5M2));
    for (String name : new String[] {"ParameterDict", "ParameterList", "ModuleDict"}) {
      String full = "torch.nn.modules.container." + name;
      put(full, new DataClass(full, false));
    }
    for (String module :
        new String[] {
          "pytorch_lightning.callbacks.",
          "pytorch_lightning.callbacks.model_checkpoint.",
          "lightning.pytorch.callbacks.model_checkpoint."
        }) {
      put(module + "ModelCheckpoint", new NameOnly(module + "ModelCheckpoint"));
    }
  }

  private static void storage(String storage, String dtype, FileType type) {
    put("torch." + storage + "Storage", new StorageType(type, false));
    put("torch." + dtype, new NumberType(type));
  }

  private static void put(String name, Global global) {
    KNOWN.put(name, global);
  }

  /**
   * What {@code module.name} stands for.
   *
   * @throws PickleException if it is not on the list
   */
  static Global find(String module, String name) {
    String full = module + "." + name;
    // both parts are compared: 'torch' + 'serialization.os.system' must not pass as another name
    Global known = name.indexOf('.') < 0 ? KNOWN.get(full) : null;
    if (known != null) {
      return known;
    }
    boolean script = module.equals("__torch__") || module.startsWith("__torch__.");
    if (script && name.indexOf('.') < 0) {
      return new DataClass(full, true);
    }
    throw new PickleException(
        "it names "
            + Text.quote(full)
            + ", which weights do not need; nothing was run. If you trust the file, save its"
            + " state_dict alone, best as safetensors");
  }
}
