using System.Runtime.CompilerServices;

namespace Grpc.Core;

/// <summary>A unary call under way. Await it for the response; dispose it to cancel it.</summary>
/// <typeparam name="TResponse">The response message.</typeparam>
public sealed class AsyncUnaryCall<TResponse> : IDisposable
{
    private readonly ICallParts _parts;

    /// <summary>Wraps a call whose parts are given as functions.</summary>
    public AsyncUnaryCall(
        Task<TResponse> responseAsync, Task<Metadata> responseHeadersAsync, Func<Status> getStatusFunc, Func<Metadata> getTrailersFunc, Action disposeAction)
    {
        ResponseAsync = responseAsync;
        _parts = new FunctionCallParts(responseHeadersAsync, getStatusFunc, getTrailersFunc, disposeAction);
    }

    /// <summary>Wraps a call whose parts are given as functions of one state.</summary>
    public AsyncUnaryCall(
        Task<TResponse> responseAsync,
        Func<object, Task<Metadata>> responseHeadersAsync,
        Func<object, Status> getStatusFunc,
        Func<object, Metadata> getTrailersFunc,
        Action<object> disposeAction,
        object state)
        : this(responseAsync, new StateCallParts(responseHeadersAsync, getStatusFunc, getTrailersFunc, disposeAction, state))
    {
    }

    internal AsyncUnaryCall(Task<TResponse> responseAsync, ICallParts parts)
    {
        ResponseAsync = responseAsync;
        _parts = parts;
    }

    /// <summary>The response; fails with <see cref="RpcException"/> where the status isn't OK.</summary>
    public Task<TResponse> ResponseAsync { get; }

    /// <summary>The response headers.</summary>
    public Task<Metadata> ResponseHeadersAsync => _parts.ResponseHeadersAsync;

    /// <summary>Awaits the response.</summary>
    public TaskAwaiter<TResponse> GetAwaiter() => ResponseAsync.GetAwaiter();

    /// <summary>Configures how the response is awaited.</summary>
    public ConfiguredTaskAwaitable<TResponse> ConfigureAwait(bool continueOnCapturedContext) => ResponseAsync.ConfigureAwait(continueOnCapturedContext);

    /// <summary>The status of an ended call.</summary>
    public Status GetStatus() => _parts.GetStatus();

    /// <summary>The trailers of an ended call.</summary>
    public Metadata GetTrailers() => _parts.GetTrailers();

    /// <summary>Cancels the call unless it has ended.</summary>
    public void Dispose() => _parts.Dispose();
}

/// <summary>A client-streaming call under way. Write requests, complete, await it for the response; dispose it to cancel it.</summary>
/// <typeparam name="TRequest">The request message.</typeparam>
/// <typeparam name="TResponse">The response message.</typeparam>
public sealed class AsyncClientStreamingCall<TRequest, TResponse> : IDisposable
{
    private readonly ICallParts _parts;

    /// <summary>Wraps a call whose parts are given as functions.</summary>
    public AsyncClientStreamingCall(
        IClientStreamWriter<TRequest> requestStream,
        Task<TResponse> responseAsync,
        Task<Metadata> responseHeadersAsync,
        Func<Status> getStatusFunc,
        Func<Metadata> getTrailersFunc,
        Action disposeAction)
        : this(requestStream, responseAsync, new FunctionCallParts(responseHeadersAsync, getStatusFunc, getTrailersFunc, disposeAction))
    {
    }

    /// <summary>Wraps a call whose parts are given as functions of one state.</summary>
    public AsyncClientStreamingCall(
        IClientStreamWriter<TRequest> requestStream,
        Task<TResponse> responseAsync,
        Func<object, Task<Metadata>> responseHeadersAsync,
        Func<object, Status> getStatusFunc,
        Func<object, Metadata> getTrailersFunc,
        Action<object> disposeAction,
        object state)
        : this(requestStream, responseAsync, new StateCallParts(responseHeadersAsync, getStatusFunc, getTrailersFunc, disposeAction, state))
    {
    }

    internal AsyncClientStreamingCall(IClientStreamWriter<TRequest> requestStream, Task<TResponse> responseAsync, ICallParts parts)
    {
        RequestStream = requestStream;
        ResponseAsync = responseAsync;
        _parts = parts;
    }

    /// <summary>Where requests are written.</summary>
    public IClientStreamWriter<TRequest> RequestStream { get; }

    /// <summary>The response; fails with <see cref="RpcException"/> where the status isn't OK.</summary>
    public Task<TResponse> ResponseAsync { get; }

    /// <summary>The response headers.</summary>
    public Task<Metadata> ResponseHeadersAsync => _parts.ResponseHeadersAsync;

    /// <summary>Awaits the response.</summary>
    public TaskAwaiter<TResponse> GetAwaiter() => ResponseAsync.GetAwaiter();

    /// <summary>Configures how the response is awaited.</summary>
    public ConfiguredTaskAwaitable<TResponse> ConfigureAwait(bool continueOnCapturedContext) => ResponseAsync.ConfigureAwait(continueOnCapturedContext);

    /// <summary>The status of an ended call.</summary>
    public Status GetStatus() => _parts.GetStatus();

    /// <summary>The trailers of an ended call.</summary>
    public Metadata GetTrailers() => _parts.GetTrailers();

    /// <summary>Cancels the call unless it has ended.</summary>
    public void Dispose() => _parts.Dispose();
}

/// <summary>A server-streaming call under way. Read responses; dispose it to cancel it.</summary>
/// <typeparam name="TResponse">The response message.</typeparam>
public sealed class AsyncServerStreamingCall<TResponse> : IDisposable
{
    private readonly ICallParts _parts;

    /// <summary>Wraps a call whose parts are given as functions.</summary>
    public AsyncServerStreamingCall(
        IAsyncStreamReader<TResponse> responseStream,
        Task<Metadata> responseHeadersAsync,
        Func<Status> getStatusFunc,
        Func<Metadata> getTrailersFunc,
        Action disposeAction)
        : this(responseStream, new FunctionCallParts(responseHeadersAsync, getStatusFunc, getTrailersFunc, disposeAction))
    {
    }

    /// <summary>Wraps a call whose parts are given as functions of one state.</summary>
    public AsyncServerStreamingCall(
        IAsyncStreamReader<TResponse> responseStream,
        Func<object, Task<Metadata>> responseHeadersAsync,
        Func<object, Status> getStatusFunc,
        Func<object, Metadata> getTrailersFunc,
        Action<object> disposeAction,
        object state)
        : this(responseStream, new StateCallParts(responseHeadersAsync, getStatusFunc, getTrailersFunc, disposeAction, state))
    {
    }

    internal AsyncServerStreamingCall(IAsyncStreamReader<TResponse> responseStream, ICallParts parts)
    {
        ResponseStream = responseStream;
        _parts = parts;
    }

    /// <summary>Where responses are read.</summary>
    public IAsyncStreamReader<TResponse> ResponseStream { get; }

    /// <summary>The response headers.</summary>
    public Task<Metadata> ResponseHeadersAsync => _parts.ResponseHeadersAsync;

    /// <summary>The status of an ended call.</summary>
    public Status GetStatus() => _parts.GetStatus();

    /// <summary>The trailers of an ended call.</summary>
    public Metadata GetTrailers() => _parts.GetTrailers();

    /// <summary>Cancels the call unless it has ended.</summary>
    public void Dispose() => _parts.Dispose();
}

/// <summary>A duplex call under way. Write requests and read responses independently; dispose it to cancel it.</summary>
/// <typeparam name="TRequest">The request message.</typeparam>
/// <typeparam name="TResponse">The response message.</typeparam>
public sealed class AsyncDuplexStreamingCall<TRequest, TResponse> : IDisposable
{
    private readonly ICallParts _parts;

    /// <summary>Wraps a call whose parts are given as functions.</summary>
    public AsyncDuplexStreamingCall(
        IClientStreamWriter<TRequest> requestStream,
        IAsyncStreamReader<TResponse> responseStream,
        Task<Metadata> responseHeadersAsync,
        Func<Status> getStatusFunc,
        Func<Metadata> getTrailersFunc,
        Action disposeAction)
        : this(requestStream, responseStream, new FunctionCallParts(responseHeadersAsync, getStatusFunc, getTrailersFunc, disposeAction))
    {
    }

    /// <summary>Wraps a call whose parts are given as functions of one state.</summary>
    public AsyncDuplexStreamingCall(
        IClientStreamWriter<TRequest> requestStream,
        IAsyncStreamReader<TResponse> responseStream,
        Func<object, Task<Metadata>> responseHeadersAsync,
        Func<object, Status> getStatusFunc,
        Func<object, Metadata> getTrailersFunc,
        Action<object> disposeAction,
        object state)
        : this(requestStream, responseStream, new StateCallParts(responseHeadersAsync, getStatusFunc, getTrailersFunc, disposeAction, state))
    {
    }

    internal AsyncDuplexStreamingCall(IClientStreamWriter<TRequest> requestStream, IAsyncStreamReader<TResponse> responseStream, ICallParts parts)
    {
        RequestStream = requestStream;
        ResponseStream = responseStream;
        _parts = parts;
    }

    /// <summary>Where requests are written.</summary>
    public IClientStreamWriter<TRequest> RequestStream { get; }

    /// <summary>Where responses are read.</summary>
    public IAsyncStreamReader<TResponse> ResponseStream { get; }

    /// <summary>The response headers.</summary>
    public Task<Metadata> ResponseHeadersAsync => _parts.ResponseHeadersAsync;

    /// <summary>The status of an ended call.</summary>
    public Status GetStatus() => _parts.GetStatus();

    /// <summary>The trailers of an ended call.</summary>
    public Metadata GetTrailers() => _parts.GetTrailers();

    /// <summary>Cancels the call unless it has ended.</summary>
    public void Dispose() => _parts.Dispose();
}
