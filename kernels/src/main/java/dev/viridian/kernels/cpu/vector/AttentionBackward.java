package dev.viridian.kernels.cpu.vector;

import static dev.viridian.kernels.cpu.vector.MicroKernel.LDA;
import static dev.viridian.kernels.cpu.vector.TokenPanels.BLOCK;
import static dev.viridian.kernels.cpu.vector.TokenPanels.ROWS;
import static dev.viridian.kernels.cpu.vector.VectorMath.FLOATS;

import dev.viridian.kernels.AttentionKernels.Gradients;
import dev.viridian.kernels.AttentionKernels.Results;
import dev.viridian.kernels.AttentionProblem;
import dev.viridian.kernels.cpu.reference.Numbers;
import dev.viridian.kernels.cpu.threads.Workers;
import dev.viridian.kernels.memory.Buffer;
import dev.viridian.kernels.memory.HostBuffer;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * The backward pass of attention for one picture, in two sweeps that each compute the probabilities
 * anew: one over the queries for dq and the rows' corrections D, one over the keys for dk and dv.
 * So every sum is one tile's, and no tile waits for another.
 */
final class AttentionBackward {
  private static final int LANES = FLOATS.length();

  private final Workers workers;
  private final AttentionInputs in;
  private final AttentionProblem p;
  private final TokenPanels queries;
  private final TokenPanels keys;
  private final MemorySegment out;
  private final MemorySegment dOut;
  private final MemorySegment dq;
  private final MemorySegment dk;
  private final MemorySegment dv;

  /** Per head and query, each head's padded to whole vectors: lse, D, and the column's gradient. */
  private final float[] lse;

  private final float[] correction;
  private final float[] columnGradient;
  private final int pitch;
  private final boolean columns;

  AttentionBackward(Workers workers, AttentionInputs in, Results of, Gradients g) {
    this.workers = workers;
    this.in = in;
    this.p = in.p;
    out = HostBuffer.of(of.out());
    dOut = HostBuffer.of(g.dOut());
    dq = HostBuffer.of(g.dq());
    dk = HostBuffer.of(g.dk());
    dv = HostBuffer.of(g.dv());
    Buffer dColumnMap = g.dColumnMap();
    queries = new TokenPanels(p.queries(), p.headDim());
    keys = new TokenPanels(p.keys(), p.headDim());
    pitch = Math.ceilDiv(p.queries(), LANES) * LANES;
    lse = new float[p.heads() * pitch];
    correction = new float[p.heads() * pitch];
    columnGradient = new float[pitch];
    columns = dColumnMap != null && in.columnWeights != null;
    for (int head = 0; head < p.heads(); head++) {
      for (int i = 0; i < p.queries(); i++) {
        float value = Numbers.get(HostBuffer.of(of.lse()), in.row(head, i));
        // A row without a visible key: e^(s − ∞) is 0.
        lse[head * pitch + i] = value == Float.NEGATIVE_INFINITY ? Float.POSITIVE_INFINITY : value;
      }
    }
    if (dColumnMap != null) {
      for (int i = 0; i < p.queries(); i++) {
        columnGradient[i] =
            Numbers.get(HostBuffer.of(dColumnMap), (long) in.batch * p.queries() + i) / p.heads();
      }
    }
  }

  void run() {
    float[] keysAcross = across(keys, in::k);
    float[] keysDown = down(keys, in::k);
    float[] valuesAcross = across(keys, in::v);
    int tiles = Math.ceilDiv(p.queries(), ROWS);
    workers.run(
        Math.multiplyExact(p.heads(), tiles),
        task -> {
          int first = task % tiles * ROWS;
          int count = Math.min(ROWS, p.queries() - first);
          ofQueries(task / tiles, first, count, keysAcross, keysDown, valuesAcross);
        });
    float[] queriesAcross = across(queries, in::q);
    float[] queriesDown = down(queries, in::q);
    float[] gradientsAcross = across(queries, head -> in.likeOut(dOut, head));
    float[] gradientsDown = down(queries, head -> in.likeOut(dOut, head));
    int keyTiles = Math.ceilDiv(p.keys(), ROWS);
    workers.run(
        Math.multiplyExact(p.heads(), keyTiles),
        task -> {
          int first = task % keyTiles * ROWS;
          int count = Math.min(ROWS, p.keys() - first);
          new KeyTile(
                  task / keyTiles,
                  first,
                  count,
                  queriesAcross,
                  queriesDown,
                  gradientsAcross,
                  gradientsDown)
              .run();
        });
  }

  private interface HeadTokens {
    MatrixOperand of(int head);
  }

  private float[] across(TokenPanels panels, HeadTokens tokens) {
    float[] result = new float[Math.multiplyExact(p.heads(), panels.acrossSize())];
    workers.run(
        p.heads() * panels.blocks(),
        task -> {
          int head = task / panels.blocks();
          int at = head * panels.acrossSize();
          panels.packAcross(tokens.of(head), task % panels.blocks(), result, at);
        });
    return result;
  }

  private float[] down(TokenPanels panels, HeadTokens tokens) {
    float[] result = new float[Math.multiplyExact(p.heads(), panels.downSize())];
    workers.run(
        p.heads() * panels.blocks(),
        task -> {
          int head = task / panels.blocks();
          int at = head * panels.downSize();
          panels.packDown(tokens.of(head), task % panels.blocks(), result, at);
        });
    return result;
  }

  private void ofQueries(
      int head, int first, int count, float[] keysAcross, float[] keysDown, float[] valuesAcross) {
    float[] left = Scratch.get(Scratch.Part.ROWS, keys.rowsSize());
    float[] gradient = Scratch.get(Scratch.Part.GRADIENT_ROWS, keys.rowsSize());
    float[] scores = Scratch.get(Scratch.Part.SCORES, TokenPanels.SCORES);
    float[] dScores = Scratch.get(Scratch.Part.GRADIENTS, TokenPanels.SCORES);
    float[] sums = Scratch.get(Scratch.Part.SUMS, keys.sums());
    Arrays.fill(sums, 0, keys.sums(), 0f);
    keys.rows(in.q(head), first, count, p.scale(), left);
    keys.rows(in.likeOut(dOut, head), first, count, 1f, gradient);
    int at = head * keys.acrossSize();
    int visible = p.causal() ? Math.min(p.keys(), first + count) : p.keys();
    for (int i = 0; i < count; i++) {
      correction[head * pitch + first + i] = gradientTimesOut(head, first + i);
    }
    if (columns) {
      for (int block = 0; block * BLOCK < visible; block++) {
        keys.scores(left, count, keysAcross, at, block, scores);
        for (int i = 0; i < count; i++) {
          int row = head * pitch + first + i;
          probabilities(head, first + i, block, scores, i * LDA);
          correction[row] +=
              columnGradient[first + i] * columnOf(scores, i * LDA, block, keys.count(block));
        }
      }
    }
    for (int block = 0; block * BLOCK < visible; block++) {
      keys.scores(left, count, keysAcross, at, block, scores);
      keys.scores(gradient, count, valuesAcross, at, block, dScores);
      for (int i = 0; i < count; i++) {
        probabilities(head, first + i, block, scores, i * LDA);
        float g = columns ? columnGradient[first + i] : 0;
        queryGradient(i * LDA, block, scores, dScores, g, correction[head * pitch + first + i]);
      }
      keys.addWeighted(scores, count, keysDown, head * keys.downSize(), block, sums);
    }
    for (int i = 0; i < count; i++) {
      keys.store(sums, i, p.scale(), dq, in.at(p.q(), head, first + i));
    }
  }

  private float gradientTimesOut(int head, int query) {
    long at = in.at(p.out(), head, query);
    double sum = 0;
    for (int d = 0; d < p.headDim(); d++) {
      sum += (double) Numbers.get(out, at + d) * Numbers.get(dOut, at + d);
    }
    return (float) sum;
  }

  /** Turns the scores of a query with a block of keys into probabilities. */
  private void probabilities(int head, int query, int block, float[] scores, int from) {
    int width = keys.count(block);
    in.maskRow(head, query, block * BLOCK, width, scores, from);
    float shift = lse[head * pitch + query];
    for (int j = 0; j < width; j += LANES) {
      VectorMath.expBelowLargest(FloatVector.fromArray(FLOATS, scores, from + j).sub(shift))
          .intoArray(scores, from + j);
    }
  }

  private float columnOf(float[] probabilities, int from, int block, int width) {
    float[] weights = in.columnWeights;
    float sum = 0;
    for (int j = 0; j < width && weights != null; j++) {
      sum = Math.fma(probabilities[from + j], weights[block * BLOCK + j], sum);
    }
    return sum;
  }

  /** {@code p := p ∘ (dp + g e − D)}. */
  private void queryGradient(
      int from, int block, float[] probability, float[] dProbability, float g, float d) {
    float[] weights = in.columnWeights;
    for (int j = 0; j < keys.count(block); j += LANES) {
      FloatVector gradient = FloatVector.fromArray(FLOATS, dProbability, from + j).sub(d);
      if (columns && weights != null) {
        FloatVector e = FloatVector.fromArray(FLOATS, weights, block * BLOCK + j);
        gradient = e.fma(FloatVector.broadcast(FLOATS, g), gradient);
      }
      FloatVector.fromArray(FLOATS, probability, from + j)
          .mul(gradient)
          .intoArray(probability, from + j);
    }
  }

  /** Some keys of one head, against all queries that see them: all matrices transposed. */
  private final class KeyTile {
    final int head;
    final int first;
    final int count;
    final float[] queriesAcross;
    final float[] queriesDown;
    final float[] gradientsAcross;
    final float[] gradientsDown;

    KeyTile(
        int head,
        int first,
        int count,
        float[] queriesAcross,
        float[] queriesDown,
        float[] gradientsAcross,
        float[] gradientsDown) {
      this.head = head;
      this.first = first;
      this.count = count;
      this.queriesAcross = queriesAcross;
      this.queriesDown = queriesDown;
      this.gradientsAcross = gradientsAcross;
      this.gradientsDown = gradientsDown;
    }

    void run() {
      float[] left = Scratch.get(Scratch.Part.ROWS, queries.rowsSize());
      float[] value = Scratch.get(Scratch.Part.GRADIENT_ROWS, queries.rowsSize());
      float[] scores = Scratch.get(Scratch.Part.SCORES, TokenPanels.SCORES);
      float[] dScores = Scratch.get(Scratch.Part.GRADIENTS, TokenPanels.SCORES);
      float[] sumsK = Scratch.get(Scratch.Part.SUMS, queries.sums());
      float[] sumsV = Scratch.get(Scratch.Part.TILE, queries.sums());
      Arrays.fill(sumsK, 0, queries.sums(), 0f);
      Arrays.fill(sumsV, 0, queries.sums(), 0f);
      queries.rows(in.k(head), first, count, p.scale(), left);
      queries.rows(in.v(head), first, count, 1f, value);
      int across = head * queries.acrossSize();
      int down = head * queries.downSize();
      for (int block = p.causal() ? first / BLOCK : 0; block < queries.blocks(); block++) {
        queries.scores(left, count, queriesAcross, across, block, scores);
        queries.scores(value, count, gradientsAcross, across, block, dScores);
        for (int j = 0; j < count; j++) {
          keyGradient(j, block, scores, dScores);
        }
        queries.addWeighted(scores, count, gradientsDown, down, block, sumsV);
        queries.addWeighted(dScores, count, queriesDown, down, block, sumsK);
      }
      for (int j = 0; j < count; j++) {
        queries.store(sumsK, j, p.scale(), dk, in.at(p.k(), head, first + j));
        queries.store(sumsV, j, 1f, dv, in.at(p.v(), head, first + j));
      }
    }

    /** Turns a key's scores into probabilities and their gradients into those of the scores. */
    private void keyGradient(int j, int block, float[] scores, float[] dScores) {
      int key = first + j;
      int query = block * BLOCK;
      int width = queries.count(block);
      int from = j * LDA;
      if (in.masked()) {
        for (int i = 0; i < width; i++) {
          scores[from + i] += in.maskAt(head, query + i, key);
        }
      }
      if (p.causal() && key > query) {
        Arrays.fill(scores, from, from + Math.min(width, key - query), Float.NEGATIVE_INFINITY);
      }
      float[] weights = in.columnWeights;
      float e = columns && weights != null ? weights[key] : 0;
      int at = head * pitch + query;
      for (int i = 0; i < width; i += LANES) {
        FloatVector probability =
            VectorMath.expBelowLargest(
                FloatVector.fromArray(FLOATS, scores, from + i)
                    .sub(FloatVector.fromArray(FLOATS, lse, at + i)));
        FloatVector g = FloatVector.fromArray(FLOATS, columnGradient, query + i);
        FloatVector d = FloatVector.fromArray(FLOATS, correction, at + i);
        FloatVector gradient = FloatVector.fromArray(FLOATS, dScores, from + i).sub(d);
        gradient = g.fma(FloatVector.broadcast(FLOATS, e), gradient);
        probability.intoArray(scores, from + i);
        probability.mul(gradient).intoArray(dScores, from + i);
      }
    }
  }
}
