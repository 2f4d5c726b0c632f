using System.Runtime.CompilerServices;

namespace Grpc.Core;

/// <summary>Reads a stream of messages. One read at a time.</summary>
/// <typeparam name="T">The message.</typeparam>
public interface IAsyncStreamReader<out T>
{
    /// <summary>The message that the last successful MoveNext read.</summary>
    T Current { get; }

    /// <summary>Reads the next message; false once the other side has ended the stream.</summary>
    /// <exception cref="RpcException">The call ended with a status other than OK.</exception>
    Task<bool> MoveNext(CancellationToken cancellationToken);
}

/// <summary>Writes a stream of messages. One write at a time.</summary>
/// <typeparam name="T">The message.</typeparam>
public interface IAsyncStreamWriter<in T>
{
    /// <summary>Options for the writes that follow, or null.</summary>
    WriteOptions? WriteOptions { get; set; }

    /// <summary>Writes a message; completes once flow control has taken it.</summary>
    Task WriteAsync(T message);

    /// <summary>Writes a message, unless cancelled, which ends the call.</summary>
    Task WriteAsync(T message, CancellationToken cancellationToken) => cancellationToken.CanBeCanceled
        ? throw new NotSupportedException("This writer can't cancel a write.")
        : WriteAsync(message);
}

/// <summary>The client's request stream.</summary>
/// <typeparam name="T">The message.</typeparam>
public interface IClientStreamWriter<in T> : IAsyncStreamWriter<T>
{
    /// <summary>Ends the request stream; to be called exactly once, after the last write.</summary>
    Task CompleteAsync();
}

/// <summary>The server's response stream.</summary>
/// <typeparam name="T">The message.</typeparam>
public interface IServerStreamWriter<in T> : IAsyncStreamWriter<T>
{
}

/// <summary>Reads streams with await foreach.</summary>
public static class AsyncStreamReaderExtensions
{
    /// <summary>Reads the next message; false once the other side has ended the stream.</summary>
    public static Task<bool> MoveNext<T>(this IAsyncStreamReader<T> streamReader)
    {
        ArgumentNullException.ThrowIfNull(streamReader);
        return streamReader.MoveNext(CancellationToken.None);
    }

    /// <summary>All messages that are still to come.</summary>
    public static async IAsyncEnumerable<T> ReadAllAsync<T>(
        this IAsyncStreamReader<T> streamReader, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(streamReader);
        while (await streamReader.MoveNext(cancellationToken))
            yield return streamReader.Current;
    }
}
