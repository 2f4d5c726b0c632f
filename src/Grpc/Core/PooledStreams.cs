namespace Grpc.Core;

/// <summary>
/// Reads and writes streams without a <see cref="Task"/> for each message that has to be waited for: this runtime's streams pool what waits.
/// Any other stream, one that an interceptor wrapped or one of the official packages, is read and written as ever.
/// </summary>
public static class PooledStreams
{
    /// <summary>As <see cref="IAsyncStreamReader{T}.MoveNext"/>. To be awaited at once, and once.</summary>
    public static ValueTask<bool> ReadNextAsync<T>(this IAsyncStreamReader<T> streamReader, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(streamReader);
        return streamReader is IPooledReader pooled ? pooled.ReadNextAsync(cancellationToken) : new ValueTask<bool>(streamReader.MoveNext(cancellationToken));
    }

    /// <summary>As <see cref="IAsyncStreamWriter{T}.WriteAsync(T)"/>. To be awaited at once, and once.</summary>
    public static ValueTask WriteNextAsync<T>(this IAsyncStreamWriter<T> streamWriter, T message)
    {
        ArgumentNullException.ThrowIfNull(streamWriter);
        return streamWriter is IPooledWriter<T> pooled ? pooled.WriteNextAsync(message) : new ValueTask(streamWriter.WriteAsync(message));
    }
}

/// <summary>A reader whose waits are pooled.</summary>
internal interface IPooledReader
{
    ValueTask<bool> ReadNextAsync(CancellationToken cancellationToken);
}

/// <summary>A writer whose waits are pooled.</summary>
internal interface IPooledWriter<in T>
{
    ValueTask WriteNextAsync(T message);
}
