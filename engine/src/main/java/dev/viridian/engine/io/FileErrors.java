package dev.viridian.engine.io;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;

/** What went wrong with a file, in words: many exceptions of {@code java.nio.file} carry none. */
public final class FileErrors {
  private FileErrors() {}

  /** The reason alone, on one line, such as {@code "No space left on device"}. */
  public static String reason(IOException e) {
    if (e instanceof FileSystemException known) {
      String reason = known.getReason();
      if (reason != null && !reason.isBlank()) {
        return Text.line(reason);
      }
      String file = String.valueOf(known.getFile());
      return switch (e) {
        case NoSuchFileException absent -> Text.line(file) + " does not exist";
        case AccessDeniedException denied -> "no permission for " + Text.line(file);
        case FileAlreadyExistsException there -> Text.line(file) + " is there already";
        case DirectoryNotEmptyException full -> Text.line(file) + " is not empty";
        case NotDirectoryException other -> Text.line(file) + " is not a folder";
        default -> "the system refused " + Text.line(file);
      };
    }
    String message = e.getMessage();
    return message == null || message.isBlank() ? "the system gave no reason" : Text.line(message);
  }
}
