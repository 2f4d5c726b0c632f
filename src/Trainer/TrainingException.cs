namespace DistSgd.Trainer;

/// <summary>A training could not begin or go on. The message is a sentence a person can act on.</summary>
/// <param name="message">What was wrong, what was expected, what to do.</param>
/// <param name="inner">What it came from.</param>
public sealed class TrainingException(string message, Exception? inner = null) : Exception(message, inner);
