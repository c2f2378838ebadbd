package dev.viridian.engine.io;

import dev.viridian.engine.io.PickleValues.Dict;
import dev.viridian.engine.io.PickleValues.Inert;
import dev.viridian.engine.io.PickleValues.Instance;
import dev.viridian.engine.io.PickleValues.Nothing;
import dev.viridian.engine.io.PickleValues.Sequence;
import dev.viridian.engine.io.PickleValues.StorageRef;
import dev.viridian.engine.io.PickleValues.TensorView;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Python's pickle machine, cut down to what checkpoints need: it builds data and executes nothing.
 * Names are looked up in {@link TorchGlobals}, calls are made of {@link TorchConstructors}; opcodes
 * that exist only to call (INST, OBJ, NEWOBJ_EX, EXT…) are refused whatever they name.
 *
 * <p>Lengths are checked against what is left before anything is allocated, and the memory that the
 * values take is counted against a budget, since a pickle of a few bytes a value can ask for a
 * hundred times as much. There is no recursion. An interpreter belongs to one thread.
 */
final class PickleInterpreter {
  /** About the most heap that the values of one pickle may take, in bytes. */
  private static final long BUDGET = 96L << 20;

  private static final int HIGHEST_PROTOCOL = 5;
  private static final int LONGEST_INTEGER = 255;

  private final PickleInput in;
  private final Map<Long, Object> memo = new HashMap<>();
  private final Deque<Integer> marks = new ArrayDeque<>();
  private final Set<StorageRef> storages = new LinkedHashSet<>();
  private final List<Object> stack = new ArrayList<>();
  private long spent;

  PickleInterpreter(PickleInput in) {
    this.in = in;
  }

  /**
   * Runs to the next STOP, from where the input stands, and returns what it leaves on the stack: a
   * plain Java value or one of {@link PickleValues}.
   *
   * @throws PickleException if the pickle is not sound or asks for anything but data
   */
  static Object run(PickleInput in) {
    return new PickleInterpreter(in).run();
  }

  /** Like {@link #run(PickleInput)}; afterwards {@link #storages} tells what the pickle named. */
  Object run() {
    while (true) {
      long at = in.position();
      int opcode = in.u8();
      if (opcode == '.') {
        return pop();
      }
      if (!structure(opcode) && !scalar(opcode) && !call(opcode)) {
        throw new PickleException(
            String.format("unknown opcode 0x%02x at byte %d of the pickle", opcode, at));
      }
    }
  }

  /** The storages that the pickle named, once each. */
  Set<StorageRef> storages() {
    return storages;
  }

  /** Stack, memo and container opcodes. */
  private boolean structure(int opcode) {
    switch (opcode) {
      case 0x80 -> { // PROTO
        int protocol = in.u8();
        if (protocol > HIGHEST_PROTOCOL) {
          throw new PickleException("it has the unknown pickle protocol " + protocol);
        }
      }
      case 0x95 -> { // FRAME: a hint for readers that read ahead
        long length = in.i64();
        if (length < 0 || length > in.left()) {
          throw new PickleException("a frame of " + length + " bytes passes the end");
        }
      }
      case '(' -> {
        spend(16);
        marks.push(stack.size());
      }
      case '0' -> pop();
      case '1' -> popMark();
      case '2' -> push(peek(), 8); // DUP
      case 'q' -> remember(in.u8());
      case 'r' -> remember(in.u32());
      case 'p' -> remember(decimal().longValueExact());
      case 0x94 -> remember(memo.size()); // MEMOIZE
      case 'h' -> recall(in.u8());
      case 'j' -> recall(in.u32());
      case 'g' -> recall(decimal().longValueExact());
      case ')' -> push(new Sequence(Sequence.Kind.TUPLE, List.of()), 32);
      case ']' -> push(Sequence.list(), 80);
      case '}' -> push(new Dict(), 120);
      case 0x8f -> push(new Sequence(Sequence.Kind.SET, new ArrayList<>()), 80); // EMPTY_SET
      case 't' -> tuple(popMark());
      case 0x85 -> tuple(pop(1));
      case 0x86 -> tuple(pop(2));
      case 0x87 -> tuple(pop(3));
      case 'l' -> push(new Sequence(Sequence.Kind.LIST, popMark()), 48);
      case 'd' -> {
        Dict dict = new Dict();
        setAll(dict, popMark());
        push(dict, 120);
      }
      case 0x91 -> push(new Sequence(Sequence.Kind.SET, popMark()), 48); // FROZENSET
      case 'a' -> append(pop(1), Sequence.Kind.LIST);
      case 'e' -> append(popMark(), Sequence.Kind.LIST);
      case 0x90 -> append(popMark(), Sequence.Kind.SET); // ADDITEMS
      case 's' -> set(pop(2));
      case 'u' -> set(popMark());
      default -> {
        return false;
      }
    }
    return true;
  }

  /** Opcodes that push a plain value. */
  private boolean scalar(int opcode) {
    switch (opcode) {
      case 'N' -> push(Nothing.NONE, 8);
      case 0x88 -> push(Boolean.TRUE, 8);
      case 0x89 -> push(Boolean.FALSE, 8);
      case 'J' -> push((long) in.i32(), 32);
      case 'K' -> push((long) in.u8(), 8);
      case 'M' -> push((long) in.u16(), 32);
      case 0x8a -> integer(in.u8());
      case 0x8b -> integer(in.i32());
      case 'I', 'L' -> integerLine(opcode);
      case 'G' -> push(in.f64BigEndian(), 32);
      case 'F' -> push(parseDouble(), 32);
      case 'X' -> text(in.u32());
      case 0x8c -> text(in.u8());
      case 0x8d -> text(in.i64());
      case 'S' -> stringLine();
      case 'V' -> plainText(in.line());
      case 'T' -> bytesOrText(in.i32());
      case 'U' -> bytesOrText(in.u8());
      case 'B' -> bytes(in.u32());
      case 'C' -> bytes(in.u8());
      case 0x8e, 0x96 -> bytes(in.i64());
      default -> {
        return false;
      }
    }
    return true;
  }

  /** Names, calls, and the opcodes that are refused because they can only call. */
  private boolean call(int opcode) {
    switch (opcode) {
      case 'c' -> push(TorchGlobals.find(decode(in.line()), decode(in.line())), 64);
      case 0x93 -> { // STACK_GLOBAL
        List<Object> names = pop(2);
        if (names.get(0) instanceof String module && names.get(1) instanceof String name) {
          push(TorchGlobals.find(module, name), 64);
        } else {
          throw new PickleException("a class or function is named by what is no text");
        }
      }
      case 'R' -> reduce();
      case 0x81 -> newObject();
      case 'b' -> build();
      case 'Q' -> {
        StorageRef storage = TorchConstructors.storage(pop());
        storages.add(storage);
        push(storage, 120);
      }
      case 'i' ->
          throw refused("INST", " of " + Text.quote(decode(in.line()) + "." + decode(in.line())));
      case 'P' -> throw refused("PERSID", " " + Text.quote(decode(in.line())));
      case 'o' -> throw refused("OBJ", "");
      case 0x92 -> throw refused("NEWOBJ_EX", "");
      case 0x82, 0x83, 0x84 -> throw refused("EXT", "");
      case 0x97, 0x98 -> throw refused("BUFFER", "");
      default -> {
        return false;
      }
    }
    return true;
  }

  private static PickleException refused(String opcode, String of) {
    return new PickleException(
        "it has the opcode " + opcode + of + ", which weights do not need; nothing was run");
  }

  // ---- values

  private void push(Object value, long bytes) {
    spend(bytes + 8);
    stack.add(value);
  }

  private void spend(long bytes) {
    spent += bytes;
    if (spent > BUDGET) {
      throw new PickleException(
          "it holds more than " + (BUDGET >> 20) + " MiB of values beside the weights");
    }
  }

  private Object pop() {
    return stack.remove(top());
  }

  private Object peek() {
    return stack.get(top());
  }

  /** The index of the topmost value, which must lie above the last mark. */
  private int top() {
    int floor = marks.isEmpty() ? 0 : marks.peek();
    if (stack.size() <= floor) {
      throw new PickleException("it takes a value from an empty stack");
    }
    return stack.size() - 1;
  }

  /** The topmost {@code count} values, lowest first. */
  private List<Object> pop(int count) {
    int floor = marks.isEmpty() ? 0 : marks.peek();
    if (stack.size() - floor < count) {
      throw new PickleException("it takes " + count + " values from a stack that has fewer");
    }
    return cut(stack.size() - count);
  }

  private List<Object> popMark() {
    if (marks.isEmpty()) {
      throw new PickleException("it goes back to a mark that was never set");
    }
    return cut(marks.pop());
  }

  private List<Object> cut(int from) {
    List<Object> tail = stack.subList(from, stack.size());
    List<Object> out = new ArrayList<>(tail);
    tail.clear();
    return out;
  }

  private void tuple(List<Object> items) {
    push(new Sequence(Sequence.Kind.TUPLE, items), 48 + 8L * items.size());
  }

  private void remember(long index) {
    if (memo.put(index, peek()) == null) {
      spend(72);
    }
  }

  private void recall(long index) {
    Object value = memo.get(index);
    if (value == null) {
      throw new PickleException("it fetches value " + index + ", which was never kept");
    }
    push(value, 0);
  }

  private void append(List<Object> items, Sequence.Kind kind) {
    Object target = peek();
    if (!(target instanceof Sequence sequence) || sequence.kind != kind) {
      throw new PickleException("it appends to " + TorchConstructors.name(target));
    }
    spend(8L * items.size());
    sequence.items.addAll(items);
  }

  private void set(List<Object> items) {
    Object target = peek();
    if (!(target instanceof Dict dict)) {
      throw new PickleException("it sets an entry of " + TorchConstructors.name(target));
    }
    setAll(dict, items);
  }

  private void setAll(Dict dict, List<Object> items) {
    if (items.size() % 2 != 0) {
      throw new PickleException("a dictionary gets a key without a value");
    }
    spend(64L * items.size() / 2);
    for (int i = 0; i < items.size(); i += 2) {
      TorchConstructors.put(dict, items.get(i), items.get(i + 1));
    }
  }

  // ---- plain values

  private void integer(long length) {
    if (length < 0 || length > LONGEST_INTEGER) {
      throw new PickleException("an integer of " + length + " bytes is longer than any needed");
    }
    byte[] little = in.bytes(length);
    byte[] big = new byte[little.length];
    for (int i = 0; i < big.length; i++) {
      big[i] = little[big.length - 1 - i];
    }
    push(shortest(big.length == 0 ? BigInteger.ZERO : new BigInteger(big)), 96 + length);
  }

  private static Object shortest(BigInteger value) {
    if (value.bitLength() < Long.SIZE) {
      return value.longValue();
    }
    return value;
  }

  private void integerLine(int opcode) {
    byte[] line = in.line();
    String text = decode(line);
    if (opcode == 'I' && (text.equals("00") || text.equals("01"))) {
      push(text.equals("01"), 8);
      return;
    }
    String digits = text.endsWith("L") ? text.substring(0, text.length() - 1) : text;
    push(shortest(parse(digits)), 96 + digits.length());
  }

  private BigInteger decimal() {
    BigInteger value = parse(decode(in.line()));
    if (value.signum() < 0 || value.bitLength() >= Long.SIZE) {
      throw new PickleException("a memo index does not fit 63 bits");
    }
    return value;
  }

  private static BigInteger parse(String digits) {
    if (!digits.matches("-?[0-9]{1,300}")) {
      throw new PickleException("an integer reads " + Text.quote(digits));
    }
    return new BigInteger(digits);
  }

  private double parseDouble() {
    String text = decode(in.line());
    try {
      return Double.parseDouble(text);
    } catch (NumberFormatException e) {
      throw new PickleException("a number reads " + Text.quote(text));
    }
  }

  /** STRING: a text in quotes. */
  private void stringLine() {
    byte[] line = in.line();
    int last = line.length - 1;
    if (last < 1 || line[0] != line[last] || line[0] != '\'' && line[0] != '"') {
      throw new PickleException("a text has no quotes");
    }
    plainText(Arrays.copyOfRange(line, 1, last));
  }

  private void plainText(byte[] line) {
    String decoded = decode(line);
    if (decoded.indexOf('\\') >= 0) {
      throw new PickleException("a text has escapes, which are unsupported");
    }
    push(decoded, 64 + 2L * line.length);
  }

  private void text(long length) {
    push(decode(raw(length)), 64 + length);
  }

  private void bytes(long length) {
    push(raw(length), 32 + length);
  }

  /** Python 2 made no difference between bytes and text. */
  private void bytesOrText(long length) {
    byte[] raw = raw(length);
    try {
      push(StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(raw)).toString(), 64);
    } catch (CharacterCodingException e) {
      push(raw, 32);
    }
  }

  private byte[] raw(long length) {
    if (length > in.left()) {
      in.take(length); // says that the pickle is cut short, before the budget is blamed
    }
    spend(Math.max(length, 0) * 4); // the copy, and the characters while it is decoded
    return in.bytes(length);
  }

  private static String decode(byte[] utf8) {
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(utf8)).toString();
    } catch (CharacterCodingException e) {
      throw new PickleException("a text is not UTF-8");
    }
  }

  // ---- calls

  private void reduce() {
    List<Object> two = pop(2);
    if (!(two.get(1) instanceof Sequence args) || args.kind != Sequence.Kind.TUPLE) {
      throw new PickleException("a call's arguments are " + TorchConstructors.name(two.get(1)));
    }
    if (!(two.get(0) instanceof TorchGlobals.Constructor function)) {
      throw new PickleException(
          "it calls " + TorchConstructors.name(two.get(0)) + "; nothing was run");
    }
    for (Object argument : args.items) {
      if (argument instanceof Sequence sequence) {
        spend(64L * sequence.items.size()); // what the call may copy
      }
    }
    push(TorchConstructors.call(function, args.items), 160);
  }

  private void newObject() {
    List<Object> two = pop(2);
    boolean empty = two.get(1) instanceof Sequence args && args.items.isEmpty();
    Object type = two.get(0);
    if (empty && type instanceof TorchGlobals.DataClass data) {
      push(new Instance(data), 160);
    } else if (empty && type == TorchGlobals.Constructor.ORDERED_DICT) {
      push(new Dict(), 120);
    } else {
      throw new PickleException(
          "it makes an object of " + TorchConstructors.name(type) + "; nothing was run");
    }
  }

  /** Sets attributes. Those of dictionaries ({@code _metadata}) and numpy types do not matter. */
  private void build() {
    Object state = pop();
    Object target = peek();
    if (target instanceof Instance instance && state instanceof Dict attributes) {
      instance.attributes = attributes;
    } else if (!(target instanceof Dict && state instanceof Dict)
        && !(target instanceof Inert)
        && !(target instanceof TensorView && state instanceof Dict)) {
      throw new PickleException(
          "it sets the state of "
              + TorchConstructors.name(target)
              + " by "
              + TorchConstructors.name(state));
    }
  }
}
