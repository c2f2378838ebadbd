package dev.viridian.diffusion.text;

import dev.viridian.diffusion.weights.ClipVocabulary;
import dev.viridian.engine.InputException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;

/**
 * CLIP's tokenizer, as the fast {@code CLIPTokenizer} of transformers 5 works: unpaired surrogates
 * become U+FFFD; Unicode normal form C; white space becomes one space; lower case by the character;
 * words by CLIP's pattern; byte-pair merging of each word's UTF-8 bytes, the last of which carries
 * {@code </w>}.
 *
 * <p>{@code <|endoftext|>} in a prompt is the end token (in this spelling only), and {@code
 * <|startoftext|>} in any case the start token. Nothing else in a prompt is special, and nothing is
 * removed.
 *
 * <p>Takes time n log n in the length of the prompt. Immutable, and safe for use by any threads.
 */
public final class ClipTokenizer {
  private static final String START = "<|startoftext|>";
  private static final String END = "<|endoftext|>";
  private static final String WORD_END = "</w>";
  private static final String GREEN = "green" + WORD_END;

  private final Map<String, Integer> vocabulary;
  private final BytePairs bytePairs;

  /** Id of each byte inside a word, and of each byte at its end. */
  private final int[] inside;

  private final int[] last;
  private final int start;
  private final int end;

  /** What is looked for in the normalised text: the start token and added placeholders. */
  private final Map<String, Integer> added;

  private final int nextId;

  /** Ids of an encoded prompt. */
  private final int length;

  private ClipTokenizer(
      Map<String, Integer> vocabulary,
      Map<Long, BytePairs.Merge> merges,
      int[] inside,
      int[] last,
      int nextId) {
    this.vocabulary = vocabulary;
    this.bytePairs = new BytePairs(merges);
    this.inside = inside;
    this.last = last;
    this.start = vocabulary.get(START);
    this.end = vocabulary.get(END);
    this.added = Map.of(START, start);
    this.nextId = nextId;
    this.length = TokenizedPrompt.LENGTH;
  }

  private ClipTokenizer(ClipTokenizer base, Map<String, Integer> added, int nextId, int length) {
    this.vocabulary = base.vocabulary;
    this.bytePairs = base.bytePairs;
    this.inside = base.inside;
    this.last = base.last;
    this.start = base.start;
    this.end = base.end;
    this.added = added;
    this.nextId = nextId;
    this.length = length;
  }

  /**
   * Reads the {@code vocab.json} and {@code merges.txt} of a tokenizer folder.
   *
   * @throws InputException naming the file that is missing, unreadable or not what it should be
   */
  public static ClipTokenizer load(Path folder) {
    return load(folder.resolve("vocab.json"), folder.resolve("merges.txt"));
  }

  /**
   * Reads a vocabulary and its merges.
   *
   * @throws InputException naming the file that is missing, unreadable or not what it should be
   */
  public static ClipTokenizer load(Path vocabFile, Path mergesFile) {
    return of(
        vocabFile.toString(),
        TokenizerFiles.text(vocabFile),
        mergesFile.toString(),
        TokenizerFiles.text(mergesFile));
  }

  /** CLIP's own, from the jar. */
  public static ClipTokenizer standard() {
    return of("vocab.json", ClipVocabulary.vocabulary(), "merges.txt", ClipVocabulary.merges());
  }

  /** From the text of both files, whose names are for errors. */
  private static ClipTokenizer of(
      String vocabFile, String vocabText, String mergesFile, String merges) {
    Map<String, Integer> vocabulary = TokenizerFiles.vocabulary(vocabFile, vocabText);
    int[] inside = new int[256];
    int[] last = new int[256];
    String[] symbols = byteSymbols();
    for (int b = 0; b < 256; b++) {
      inside[b] = require(vocabulary, symbols[b], vocabFile);
      last[b] = require(vocabulary, symbols[b] + WORD_END, vocabFile);
    }
    require(vocabulary, START, vocabFile);
    require(vocabulary, END, vocabFile);
    int nextId = vocabulary.values().stream().mapToInt(id -> id).max().orElseThrow() + 1;
    return new ClipTokenizer(
        vocabulary, TokenizerFiles.merges(mergesFile, merges, vocabulary), inside, last, nextId);
  }

  private static int require(Map<String, Integer> vocabulary, String token, String file) {
    Integer id = vocabulary.get(token);
    if (id == null) {
      throw new InputException(
          file
              + ": token "
              + TokenizerFiles.quote(token)
              + " is missing; expected the vocabulary of a CLIP tokenizer");
    }
    return id;
  }

  /**
   * GPT-2's character for each byte: itself where Latin-1 prints it, otherwise the next unused one
   * from U+0100 on.
   */
  private static String[] byteSymbols() {
    String[] symbols = new String[256];
    int unused = 0x100;
    for (int b = 0; b < 256; b++) {
      boolean prints = (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
      symbols[b] = Character.toString(prints ? b : unused++);
    }
    return symbols;
  }

  /**
   * This tokenizer with placeholders that have ids of their own, in this order from {@link
   * #nextId()} on. They are found in any case and also inside words; of several that match at one
   * place the longest counts.
   *
   * @throws InputException if a placeholder is empty or is a token already
   */
  public ClipTokenizer withPlaceholders(List<String> placeholders) {
    Map<String, Integer> more = new HashMap<>(added);
    int id = nextId;
    for (String placeholder : placeholders) {
      String normal = normalize(placeholder);
      if (normal.isBlank()) {
        throw new InputException("an added token must not be empty or blank");
      }
      if (vocabulary.containsKey(placeholder) || more.putIfAbsent(normal, id) != null) {
        throw new InputException(
            "added token "
                + TokenizerFiles.quote(placeholder)
                + " is in the vocabulary already; give it another name");
      }
      id++;
    }
    return new ClipTokenizer(this, Map.copyOf(more), id, length);
  }

  /**
   * This tokenizer for a text encoder of so many positions.
   *
   * @param positions ids of an encoded prompt, at least 2
   */
  public ClipTokenizer withLength(int positions) {
    if (positions < 2) {
      throw new InputException(
          "the text encoder has " + positions + " positions, expected at least 2");
    }
    return new ClipTokenizer(this, added, nextId, positions);
  }

  /** Ids of an encoded prompt, start and end among them. */
  public int length() {
    return length;
  }

  /** Id of the token before every text. */
  public int startId() {
    return start;
  }

  /** Id of the token after every text, which is also what prompts are padded with. */
  public int endId() {
    return end;
  }

  /** Id of {@code green} as a whole word or the end of one, if the vocabulary has it. */
  public OptionalInt greenId() {
    Integer id = vocabulary.get(GREEN);
    return id == null ? OptionalInt.empty() : OptionalInt.of(id);
  }

  /** One more than the largest id: rows that the token embedding must have. */
  public int nextId() {
    return nextId;
  }

  /** A prompt as the text encoder takes it: {@link #length} ids. */
  public TokenizedPrompt encode(String prompt) {
    return new TokenizedPrompt(tokens(prompt), start, end, greenId().orElse(-1), length);
  }

  /** The ids of a text alone: no start, no end, no padding, nothing cut off. */
  public int[] tokens(String text) {
    IntStream.Builder ids = IntStream.builder();
    String clean = TextSplitter.replaceUnpairedSurrogates(text);
    // The end token is looked for in the text as typed; each piece between is normalised alone.
    int at = 0;
    for (int hit = clean.indexOf(END); hit >= 0; hit = clean.indexOf(END, at)) {
      piece(clean.substring(at, hit), ids);
      ids.add(end);
      at = hit + END.length();
    }
    piece(clean.substring(at), ids);
    return ids.build().toArray();
  }

  private static String normalize(String text) {
    return TextSplitter.normalize(TextSplitter.replaceUnpairedSurrogates(text));
  }

  /** Normalises, and takes out the start token and placeholders. */
  private void piece(String text, IntConsumer ids) {
    String normal = TextSplitter.normalize(text);
    int from = 0;
    int at = 0;
    while (at < normal.length()) {
      String token = addedAt(normal, at);
      if (token.isEmpty()) {
        at++;
        continue;
      }
      words(normal.substring(from, at), ids);
      ids.accept(added.get(token));
      at += token.length();
      from = at;
    }
    words(normal.substring(from), ids);
  }

  /** The longest added token that begins at an index; empty if there is none. */
  private String addedAt(String text, int at) {
    String longest = "";
    for (String token : added.keySet()) {
      if (token.length() > longest.length() && text.startsWith(token, at)) {
        longest = token;
      }
    }
    return longest;
  }

  private void words(String text, IntConsumer ids) {
    TextSplitter.words(
        text,
        word -> {
          byte[] bytes = word.getBytes(StandardCharsets.UTF_8);
          int n = bytes.length;
          int[] symbols = new int[n];
          for (int i = 0; i < n; i++) {
            symbols[i] = (i == n - 1 ? last : inside)[bytes[i] & 0xff];
          }
          Arrays.stream(symbols, 0, bytePairs.merge(symbols, n)).forEach(ids);
        });
  }
}
