namespace Grpc.Core;

/// <summary>What of a server call is carried to the calls made on its behalf.</summary>
public class ContextPropagationOptions
{
    /// <summary>Carries the deadline and the cancellation.</summary>
    public static readonly ContextPropagationOptions Default = new();

    /// <summary>Carries the deadline and the cancellation, unless turned off.</summary>
    public ContextPropagationOptions(bool propagateDeadline = true, bool propagateCancellation = true)
    {
        IsPropagateDeadline = propagateDeadline;
        IsPropagateCancellation = propagateCancellation;
    }

    /// <summary>Whether the deadline is carried.</summary>
    public bool IsPropagateDeadline { get; }

    /// <summary>Whether the cancellation is carried.</summary>
    public bool IsPropagateCancellation { get; }
}

/// <summary>Carries a server call's deadline and cancellation to calls made on its behalf, through CallOptions.</summary>
public abstract class ContextPropagationToken
{
    private protected ContextPropagationToken()
    {
    }

    internal abstract DateTime Deadline { get; }

    internal abstract CancellationToken CancellationToken { get; }
}

/// <summary>What a server call gives away of itself. Immutable.</summary>
internal sealed class ServerCallPropagation(ServerCallContext call, ContextPropagationOptions? options) : ContextPropagationToken
{
    internal override DateTime Deadline { get; } =
        (options ?? ContextPropagationOptions.Default).IsPropagateDeadline ? call.Deadline : DateTime.MaxValue;

    internal override CancellationToken CancellationToken { get; } =
        (options ?? ContextPropagationOptions.Default).IsPropagateCancellation ? call.CancellationToken : CancellationToken.None;
}
