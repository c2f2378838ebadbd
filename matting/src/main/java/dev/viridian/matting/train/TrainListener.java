package dev.viridian.matting.train;

import java.nio.file.Path;

/** Hears how a run goes. Called on the training thread. */
public interface TrainListener {
  /** Hears nothing. */
  TrainListener NONE = new TrainListener() {};

  /** So many pictures are encoded before the first step. */
  default void encoded(int pictures, int of) {}

  /** A run begins, or goes on after a step. */
  default void begins(long step, long of) {}

  /** A step is done. */
  default void step(long step, double loss) {}

  /** A checkpoint is written; the model of that moment can be had from the trainer. */
  default void checkpoint(long step, Path folder) {}
}
