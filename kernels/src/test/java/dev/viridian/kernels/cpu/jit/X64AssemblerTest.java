package dev.viridian.kernels.cpu.jit;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.InputStream;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The assembler's bytes against those of GNU as, on every machine. */
final class X64AssemblerTest {
  private static final Pattern MEMORY = Pattern.compile("\\[(.*)](\\{1to16})?(\\{k(\\d)})?");
  private static final Pattern VECTOR = Pattern.compile("([xyz])mm(\\d+)(?:\\{k(\\d)})?(\\{z})?");
  private static final List<String> WORDS_OF_32_BITS =
      List.of("eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi");

  private static List<String> table() throws Exception {
    try (InputStream in = X64AssemblerTest.class.getResourceAsStream("instructions.txt")) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8)
          .lines()
          .filter(l -> !l.startsWith("#"))
          .toList();
    }
  }

  @Test
  void everyInstructionHasTheBytesOfAs() throws Exception {
    List<String> wrong = new ArrayList<>();
    List<String> table = table();
    for (String line : table) {
      String[] parts = line.split("\\s+", 2);
      X64Assembler assembler = new X64Assembler();
      append(assembler, parts[1]);
      String actual = HexFormat.of().formatHex(assembler.code());
      if (!actual.equals(parts[0])) {
        wrong.add(parts[1] + ": " + actual + ", expected " + parts[0]);
      }
    }
    assertEquals(List.of(), wrong);
    assertTrue(table.size() > 700);
  }

  @Test
  void everyInstructionIsInTheTable() throws Exception {
    Set<String> seen = new TreeSet<>();
    for (String line : table()) {
      seen.add(line.split("\\s+")[1]);
    }
    for (Class<?> c :
        List.of(GeneralInstructions.class, VectorInstructions.class, X64Assembler.class)) {
      for (Method m : c.getDeclaredMethods()) {
        boolean instruction =
            !m.isSynthetic()
                && m.getReturnType() == void.class
                && !Modifier.isPrivate(m.getModifiers())
                && !Set.of("align", "jmp", "jump", "mov32").contains(m.getName());
        assertTrue(!instruction || seen.contains(m.getName()), m.getName());
      }
    }
  }

  /** Assembles a line of text. */
  private static void append(X64Assembler to, String text) throws Exception {
    String[] parts = text.split(" ", 2);
    List<Object> operands = new ArrayList<>();
    String name = parts[0];
    if (parts.length > 1) {
      for (String word : parts[1].split(", ")) {
        Object operand = operand(word.replace("qword ptr ", ""));
        if (operand instanceof Word w) {
          name = name.equals("mov") ? "mov32" : name;
          operand = w.register;
        }
        operands.add(operand);
      }
    }
    for (Class<?> c = X64Assembler.class; c != CodeBuffer.class; c = c.getSuperclass()) {
      for (Method m : c.getDeclaredMethods()) {
        if (m.getName().equals(name) && fits(m.getParameterTypes(), operands)) {
          Object[] arguments = operands.toArray();
          for (int i = 0; i < arguments.length; i++) {
            if (m.getParameterTypes()[i] == int.class) {
              arguments[i] = Math.toIntExact((Long) arguments[i]);
            }
          }
          m.invoke(to, arguments);
          return;
        }
      }
    }
    throw new AssertionError("the assembler lacks " + text);
  }

  private static boolean fits(Class<?>[] types, List<Object> operands) {
    if (types.length != operands.size()) {
      return false;
    }
    for (int i = 0; i < types.length; i++) {
      boolean number = types[i] == int.class || types[i] == long.class;
      if (number ? !(operands.get(i) instanceof Long) : !types[i].isInstance(operands.get(i))) {
        return false;
      }
    }
    return true;
  }

  private record Word(Gpr register) {}

  private static Object operand(String word) {
    Matcher memory = MEMORY.matcher(word);
    if (memory.matches()) {
      return memory(memory);
    }
    Matcher vector = VECTOR.matcher(word);
    if (vector.matches()) {
      int bits = 128 << "xyz".indexOf(vector.group(1));
      int mask = vector.group(3) == null ? 0 : Integer.parseInt(vector.group(3));
      return new Vec(Integer.parseInt(vector.group(2)), bits, mask, vector.group(4) != null);
    }
    if (word.matches("k\\d")) {
      return new Mask(word.charAt(1) - '0');
    }
    if (word.matches("tmm\\d")) {
      return new Tile(word.charAt(3) - '0');
    }
    if (WORDS_OF_32_BITS.contains(word)) {
      return new Word(Gpr.values()[WORDS_OF_32_BITS.indexOf(word)]);
    }
    if (word.matches("r\\d+d")) {
      return new Word(register(word.substring(0, word.length() - 1)));
    }
    if (word.matches("r[a-z0-9]+")) {
      return register(word);
    }
    return Long.decode(word);
  }

  private static Gpr register(String name) {
    return Gpr.valueOf(name.toUpperCase(Locale.ROOT));
  }

  private static Mem memory(Matcher text) {
    Gpr base = null;
    Mem m = null;
    for (String term : text.group(1).replace("-", "+-").split("\\+")) {
      if (term.matches("-?\\d+")) {
        m = new Mem(m.base(), m.index(), m.scale(), Integer.parseInt(term), false, 0);
      } else if (base == null) {
        base = register(term);
        m = Mem.at(base);
      } else {
        String[] factors = term.split("\\*");
        m = m.indexed(register(factors[0]), factors.length > 1 ? factors[1].charAt(0) - '0' : 1);
      }
    }
    m = text.group(2) == null ? m : m.broadcasting();
    return text.group(4) == null ? m : m.masked(new Mask(text.group(4).charAt(0) - '0'));
  }

  @Test
  void jumpsGoBothWays() {
    X64Assembler a = new X64Assembler();
    CodeBuffer.Label end = a.label();
    CodeBuffer.Label start = a.here();
    a.dec(Gpr.RCX);
    a.jump(GeneralInstructions.Condition.NOT_EQUAL, start);
    a.jump(GeneralInstructions.Condition.LESS_OR_EQUAL, end);
    a.jmp(start);
    a.bind(end);
    a.align(32);
    byte[] expected = new byte[32];
    Arrays.fill(expected, (byte) 0x90);
    byte[] head =
        HexFormat.of().parseHex("48ffc9" + "0f85f7ffffff" + "0f8e05000000" + "e9ecffffff");
    System.arraycopy(head, 0, expected, 0, head.length);
    assertArrayEquals(expected, a.code());
  }

  @Test
  void mistakesAreRefused() {
    X64Assembler a = new X64Assembler();
    CodeBuffer.Label open = a.label();
    a.jmp(open);
    assertThrows(IllegalStateException.class, a::code);
    a.bind(open);
    assertThrows(IllegalStateException.class, () -> a.bind(open));
    assertThrows(
        IllegalArgumentException.class,
        () -> a.vmaskmovps(Vec.ymm(16), Vec.ymm(1), Mem.at(Gpr.RAX)));
    assertThrows(
        IllegalArgumentException.class, () -> a.vperm2f128(Vec.zmm(1), Vec.zmm(2), Vec.zmm(3), 0));
    assertThrows(IllegalArgumentException.class, () -> Vec.ymm(32));
    assertThrows(IllegalArgumentException.class, () -> new Mask(8));
    assertThrows(IllegalArgumentException.class, () -> new Tile(8));
    assertThrows(IllegalArgumentException.class, () -> Mem.at(Gpr.RAX, Gpr.RSP, 0));
    assertThrows(IllegalArgumentException.class, () -> Mem.at(Gpr.RAX).indexed(Gpr.RBX, 3));
  }
}
