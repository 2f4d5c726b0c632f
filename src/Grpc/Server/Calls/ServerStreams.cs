using System.Runtime.CompilerServices;
using Grpc.Core;

namespace Grpc.AspNetCore.Server.Calls;

/// <summary>The request stream of a call. One read at a time.</summary>
internal sealed class RequestStreamReader<T>(ServerCall call, Marshaller<T> marshaller) : IAsyncStreamReader<T>, IPooledReader
    where T : class
{
    private T? _current;

    public T Current => _current ?? throw new InvalidOperationException("There is no current message: call MoveNext first, and go on while it says true.");

    public Task<bool> MoveNext(CancellationToken cancellationToken) => ReadNextAsync(cancellationToken).AsTask();

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<bool> ReadNextAsync(CancellationToken cancellationToken)
    {
        _current = null;
        _current = await call.ReadAsync(marshaller, cancellationToken);
        call.Works();
        return _current is not null;
    }
}

/// <summary>The response stream of a call. One write at a time.</summary>
internal sealed class ResponseStreamWriter<T>(ServerCall call, Marshaller<T> marshaller) : IServerStreamWriter<T>, IPooledWriter<T>
    where T : class
{
    public WriteOptions? WriteOptions
    {
        get => call.WriteOptions;
        set => call.WriteOptions = value;
    }

    public Task WriteAsync(T message) => WriteNextAsync(message).AsTask();

    public Task WriteAsync(T message, CancellationToken cancellationToken) => call.WriteAsync(marshaller, message, cancellationToken).AsTask();

    public ValueTask WriteNextAsync(T message) => call.WriteAsync(marshaller, message, CancellationToken.None);
}
