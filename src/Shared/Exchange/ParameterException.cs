namespace DistSgd.Shared.Exchange;

/// <summary>Why a shard did not do what it was asked.</summary>
public enum ParameterFault
{
    /// <summary>The request is malformed: keys, lengths, names.</summary>
    Invalid,

    /// <summary>Values that are NaN or infinite.</summary>
    NotFinite,

    /// <summary>No such job or shard on that server.</summary>
    NotFound,

    /// <summary>A bound was reached; try later or send less.</summary>
    Exhausted,

    /// <summary>The server could not be reached within the deadline.</summary>
    Unavailable,
}

/// <summary>A push or pull was refused or failed. The message is a sentence a person can act on.</summary>
public sealed class ParameterException : Exception
{
    /// <summary>Makes one.</summary>
    /// <param name="fault">Why.</param>
    /// <param name="message">What was wrong, what was expected, what to do.</param>
    /// <param name="inner">What it came from.</param>
    public ParameterException(ParameterFault fault, string message, Exception? inner = null)
        : base(message, inner) => Fault = fault;

    /// <summary>Why.</summary>
    public ParameterFault Fault { get; }

    /// <summary>The job's step of the push that was refused, where it is known.</summary>
    public long? Step { get; init; }
}
