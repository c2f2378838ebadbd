package dev.viridian.engine.io;

import dev.viridian.engine.InputException;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.TokenStreamFactory;
import tools.jackson.core.json.JsonFactory;

/**
 * JSON of weight files, read token by token: bounded nesting, no repeated keys, nothing after the
 * end. Whatever is wrong becomes an {@link InputException} of one line.
 */
final class StrictJson {
  /** The most bytes of JSON that a weight file may have; the safetensors format sets the same. */
  static final int MAX_BYTES = 100_000_000;

  // Names are not cached: a file with many names would fill the cache shared by all readers.
  private static final JsonFactory FACTORY =
      JsonFactory.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .disable(TokenStreamFactory.Feature.INTERN_PROPERTY_NAMES)
          .disable(TokenStreamFactory.Feature.CANONICALIZE_PROPERTY_NAMES)
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxNestingDepth(16)
                  .maxStringLength(MAX_BYTES)
                  .build())
          .build();

  private final JsonParser parser;

  private StrictJson(JsonParser parser) {
    this.parser = parser;
  }

  /** Reads one JSON object that is all of {@code json}; {@code what} names it in messages. */
  static void read(OpenFile file, String what, byte[] json, Consumer<StrictJson> reader) {
    if (json.length < 2 || json[0] != '{' || json[1] == 0) {
      throw file.error(what + " does not begin with '{'");
    }
    try (JsonParser parser = FACTORY.createParser(ObjectReadContext.empty(), json)) {
      parser.nextToken();
      reader.accept(new StrictJson(parser));
      if (parser.nextToken() != null) {
        throw file.error(what + " goes on after its closing '}'");
      }
    } catch (Malformed e) {
      throw file.error(what + ": " + e.getMessage(), e);
    } catch (JacksonException e) {
      throw file.error(
          what + " is not sound JSON: " + Text.line(String.valueOf(e.getOriginalMessage())), e);
    }
  }

  /** JSON that is sound but not what was expected; becomes an InputException of its file. */
  static final class Malformed extends RuntimeException {
    private static final long serialVersionUID = 1L;

    Malformed(String message) {
      super(message);
    }
  }

  /** Calls {@code field} for each member of the object at hand; it must consume the value. */
  void object(String what, BiConsumer<String, JsonToken> field) {
    expect(JsonToken.START_OBJECT, what, "an object");
    while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
      String name = parser.currentName();
      field.accept(name, token(parser.nextToken(), what));
    }
    if (parser.currentToken() != JsonToken.END_OBJECT) {
      throw new Malformed(what + " has no end");
    }
  }

  /** Calls {@code element} at each value of the array at hand; it must consume the value. */
  void array(String what, Runnable element) {
    expect(JsonToken.START_ARRAY, what, "an array");
    while (token(parser.nextToken(), what) != JsonToken.END_ARRAY) {
      element.run();
    }
  }

  /** The string at hand. */
  String string(String what) {
    expect(JsonToken.VALUE_STRING, what, "a string");
    return parser.getString();
  }

  /** The integer at hand, which must fit 64 bits. */
  long integer(String what) {
    expect(JsonToken.VALUE_NUMBER_INT, what, "an integer");
    if (parser.getNumberType() == JsonParser.NumberType.BIG_INTEGER) {
      throw new Malformed(what + " does not fit 64 bits");
    }
    return parser.getLongValue();
  }

  /** The string, number or truth value at hand as text; null where it is anything else. */
  @Nullable String scalar() {
    if (parser.currentToken().isScalarValue()) {
      return parser.getString();
    }
    parser.skipChildren();
    return null;
  }

  /** Steps over the value at hand. */
  void skip() {
    parser.skipChildren();
  }

  private void expect(JsonToken token, String what, String name) {
    if (parser.currentToken() != token) {
      throw new Malformed(what + " is not " + name);
    }
  }

  private static JsonToken token(@Nullable JsonToken token, String what) {
    if (token == null) {
      throw new Malformed(what + " has no end");
    }
    return token;
  }
}
