using System.Runtime.CompilerServices;
using Grpc.Core;

namespace Grpc.Net.Client;

/// <summary>The request stream of a call. One write at a time.</summary>
internal sealed class RequestStream<TRequest, TResponse>(ClientCall<TRequest, TResponse> call) : IClientStreamWriter<TRequest>, IPooledWriter<TRequest>
    where TRequest : class
    where TResponse : class
{
    private int _isWriting;
    private bool _isComplete;

    public WriteOptions? WriteOptions
    {
        get => call.WriteOptions;
        set => call.WriteOptions = value;
    }

    public Task WriteAsync(TRequest message) => WriteNextAsync(message).AsTask();

    public Task WriteAsync(TRequest message, CancellationToken cancellationToken) => WriteNextAsync(message, cancellationToken).AsTask();

    public ValueTask WriteNextAsync(TRequest message) => WriteNextAsync(message, CancellationToken.None);

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask WriteNextAsync(TRequest message, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(message);
        if (_isComplete)
            throw new InvalidOperationException("Can't write the message: the request stream is complete.");
        if (Interlocked.Exchange(ref _isWriting, 1) == 1)
            throw new InvalidOperationException("Can't write the message: the last write hasn't ended.");
        try
        {
            await call.WriteAsync(message, cancellationToken);
        }
        finally
        {
            Volatile.Write(ref _isWriting, 0);
        }
    }

    public Task CompleteAsync()
    {
        if (_isComplete)
            throw new InvalidOperationException("The request stream is complete already.");
        if (Volatile.Read(ref _isWriting) == 1)
            throw new InvalidOperationException("Can't complete the request stream: the last write hasn't ended.");
        _isComplete = true;
        return call.CompleteWritingAsync();
    }
}

/// <summary>The response stream of a call. One read at a time.</summary>
internal sealed class ResponseStream<TRequest, TResponse>(ClientCall<TRequest, TResponse> call) : IAsyncStreamReader<TResponse>, IPooledReader
    where TRequest : class
    where TResponse : class
{
    private TResponse? _current;

    public TResponse Current => _current ?? throw new InvalidOperationException("There is no current message: call MoveNext first, and go on while it says true.");

    public Task<bool> MoveNext(CancellationToken cancellationToken) => ReadNextAsync(cancellationToken).AsTask();

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<bool> ReadNextAsync(CancellationToken cancellationToken)
    {
        using var registration = cancellationToken.UnsafeRegister(
            static state => ((ClientCall<TRequest, TResponse>)state!).Cancel("A read was cancelled."), call);
        _current = await call.ReadAsync();
        return _current is not null;
    }
}
