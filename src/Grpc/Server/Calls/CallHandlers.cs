using Grpc.Core;

namespace Grpc.AspNetCore.Server.Calls;

/// <summary>One request, one response.</summary>
internal sealed class UnaryHandler<TService, TRequest, TResponse>(
    Method<TRequest, TResponse> method,
    Func<TService, TRequest, ServerCallContext, Task<TResponse>> invoke,
    ServiceActivator<TService> activator,
    ServerCallSettings settings) : CallHandler<TService, TRequest, TResponse>(method, activator, settings)
    where TService : class
    where TRequest : class
    where TResponse : class
{
    protected override async Task InvokeAsync(TService service, ServerCall call)
    {
        var request = await ReadSingleAsync(call);
        var response = await invoke(service, request, call);
        call.WriteLast(Method.ResponseMarshaller, response);
    }
}

/// <summary>A stream of requests, one response.</summary>
internal sealed class ClientStreamingHandler<TService, TRequest, TResponse>(
    Method<TRequest, TResponse> method,
    Func<TService, IAsyncStreamReader<TRequest>, ServerCallContext, Task<TResponse>> invoke,
    ServiceActivator<TService> activator,
    ServerCallSettings settings) : CallHandler<TService, TRequest, TResponse>(method, activator, settings)
    where TService : class
    where TRequest : class
    where TResponse : class
{
    protected override async Task InvokeAsync(TService service, ServerCall call)
    {
        var requests = new RequestStreamReader<TRequest>(call, Method.RequestMarshaller);
        var response = await invoke(service, requests, call);
        call.WriteLast(Method.ResponseMarshaller, response);
    }
}

/// <summary>One request, a stream of responses.</summary>
internal sealed class ServerStreamingHandler<TService, TRequest, TResponse>(
    Method<TRequest, TResponse> method,
    Func<TService, TRequest, IServerStreamWriter<TResponse>, ServerCallContext, Task> invoke,
    ServiceActivator<TService> activator,
    ServerCallSettings settings) : CallHandler<TService, TRequest, TResponse>(method, activator, settings)
    where TService : class
    where TRequest : class
    where TResponse : class
{
    protected override async Task InvokeAsync(TService service, ServerCall call)
    {
        var request = await ReadSingleAsync(call);
        await invoke(service, request, new ResponseStreamWriter<TResponse>(call, Method.ResponseMarshaller), call);
    }
}

/// <summary>A stream of requests and a stream of responses.</summary>
internal sealed class DuplexStreamingHandler<TService, TRequest, TResponse>(
    Method<TRequest, TResponse> method,
    Func<TService, IAsyncStreamReader<TRequest>, IServerStreamWriter<TResponse>, ServerCallContext, Task> invoke,
    ServiceActivator<TService> activator,
    ServerCallSettings settings) : CallHandler<TService, TRequest, TResponse>(method, activator, settings)
    where TService : class
    where TRequest : class
    where TResponse : class
{
    protected override Task InvokeAsync(TService service, ServerCall call)
    {
        var requests = new RequestStreamReader<TRequest>(call, Method.RequestMarshaller);
        return invoke(service, requests, new ResponseStreamWriter<TResponse>(call, Method.ResponseMarshaller), call);
    }
}
