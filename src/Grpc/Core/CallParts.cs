namespace Grpc.Core;

/// <summary>What all call shapes share: headers, status, trailers and cancelling.</summary>
internal interface ICallParts : IDisposable
{
    Task<Metadata> ResponseHeadersAsync { get; }

    Status GetStatus();

    Metadata GetTrailers();
}

/// <summary>The parts given one by one, as interceptors and test doubles do.</summary>
internal sealed class FunctionCallParts(
    Task<Metadata> responseHeadersAsync, Func<Status> getStatus, Func<Metadata> getTrailers, Action dispose) : ICallParts
{
    public Task<Metadata> ResponseHeadersAsync => responseHeadersAsync;

    public Status GetStatus() => getStatus();

    public Metadata GetTrailers() => getTrailers();

    public void Dispose() => dispose();
}

/// <summary>The parts given one by one as functions of one state, so that they need no closures.</summary>
internal sealed class StateCallParts(
    Func<object, Task<Metadata>> responseHeadersAsync,
    Func<object, Status> getStatus,
    Func<object, Metadata> getTrailers,
    Action<object> dispose,
    object state) : ICallParts
{
    public Task<Metadata> ResponseHeadersAsync => responseHeadersAsync(state);

    public Status GetStatus() => getStatus(state);

    public Metadata GetTrailers() => getTrailers(state);

    public void Dispose() => dispose(state);
}
