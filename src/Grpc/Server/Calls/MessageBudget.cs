namespace Grpc.AspNetCore.Server.Calls;

/// <summary>What the messages of all calls of a service may have together, bytes. Thread-safe.</summary>
internal class MessageBudget(long bytesMax)
{
    private long _held;

    public long BytesMax => bytesMax;

    /// <summary>What is taken now.</summary>
    public long HeldBytes => Interlocked.Read(ref _held);

    /// <summary>Takes bytes; false, and nothing is taken, where there are too few left.</summary>
    public bool TryTake(long bytes)
    {
        if (Interlocked.Add(ref _held, bytes) <= bytesMax)
            return true;
        Return(bytes);
        return false;
    }

    public void Return(long bytes) => Interlocked.Add(ref _held, -bytes);
}

/// <summary>The budget of one service.</summary>
/// <typeparam name="TService">The service.</typeparam>
internal sealed class MessageBudget<TService>(long bytesMax) : MessageBudget(bytesMax)
    where TService : class
{
}
