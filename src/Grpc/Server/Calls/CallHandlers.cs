using Grpc.Core;

namespace Grpc.AspNetCore.Server.Calls;

/// <summary>One request, one response.</summary>
internal sealed class UnaryHandler<TService, TRequest, TResponse> : CallHandler<TService, TRequest, TResponse>
    where TService : class
    where TRequest : class
    where TResponse : class
{
    private readonly Func<TService, TRequest, ServerCallContext, Task<TResponse>> _invoke;
    private readonly UnaryServerMethod<TRequest, TResponse> _serve;

    public UnaryHandler(
        Method<TRequest, TResponse> method,
        Func<TService, TRequest, ServerCallContext, Task<TResponse>> invoke,
        IGrpcServiceActivator<TService> activator,
        ServerCallSettings settings)
        : base(method, activator, settings)
    {
        _invoke = invoke;
        _serve = settings.Interceptors.Around<TRequest, TResponse>(ServeAsync);
    }

    protected override async Task InvokeAsync(ServerCall call)
    {
        var request = await ReadSingleAsync(call);
        call.WriteLast(Method.ResponseMarshaller, await _serve(request, call));
    }

    private async Task<TResponse> ServeAsync(TRequest request, ServerCallContext context)
    {
        var service = CreateService(context);
        try
        {
            return await _invoke(service.Instance, request, context);
        }
        finally
        {
            await ReleaseAsync(service);
        }
    }
}

/// <summary>A stream of requests, one response.</summary>
internal sealed class ClientStreamingHandler<TService, TRequest, TResponse> : CallHandler<TService, TRequest, TResponse>
    where TService : class
    where TRequest : class
    where TResponse : class
{
    private readonly Func<TService, IAsyncStreamReader<TRequest>, ServerCallContext, Task<TResponse>> _invoke;
    private readonly ClientStreamingServerMethod<TRequest, TResponse> _serve;

    public ClientStreamingHandler(
        Method<TRequest, TResponse> method,
        Func<TService, IAsyncStreamReader<TRequest>, ServerCallContext, Task<TResponse>> invoke,
        IGrpcServiceActivator<TService> activator,
        ServerCallSettings settings)
        : base(method, activator, settings)
    {
        _invoke = invoke;
        _serve = settings.Interceptors.Around<TRequest, TResponse>(ServeAsync);
    }

    protected override async Task InvokeAsync(ServerCall call)
    {
        var requests = new RequestStreamReader<TRequest>(call, Method.RequestMarshaller);
        call.WriteLast(Method.ResponseMarshaller, await _serve(requests, call));
    }

    private async Task<TResponse> ServeAsync(IAsyncStreamReader<TRequest> requests, ServerCallContext context)
    {
        var service = CreateService(context);
        try
        {
            return await _invoke(service.Instance, requests, context);
        }
        finally
        {
            await ReleaseAsync(service);
        }
    }
}

/// <summary>One request, a stream of responses.</summary>
internal sealed class ServerStreamingHandler<TService, TRequest, TResponse> : CallHandler<TService, TRequest, TResponse>
    where TService : class
    where TRequest : class
    where TResponse : class
{
    private readonly Func<TService, TRequest, IServerStreamWriter<TResponse>, ServerCallContext, Task> _invoke;
    private readonly ServerStreamingServerMethod<TRequest, TResponse> _serve;

    public ServerStreamingHandler(
        Method<TRequest, TResponse> method,
        Func<TService, TRequest, IServerStreamWriter<TResponse>, ServerCallContext, Task> invoke,
        IGrpcServiceActivator<TService> activator,
        ServerCallSettings settings)
        : base(method, activator, settings)
    {
        _invoke = invoke;
        _serve = settings.Interceptors.Around<TRequest, TResponse>(ServeAsync);
    }

    protected override async Task InvokeAsync(ServerCall call)
    {
        var request = await ReadSingleAsync(call);
        await _serve(request, new ResponseStreamWriter<TResponse>(call, Method.ResponseMarshaller), call);
    }

    private async Task ServeAsync(TRequest request, IServerStreamWriter<TResponse> responses, ServerCallContext context)
    {
        var service = CreateService(context);
        try
        {
            await _invoke(service.Instance, request, responses, context);
        }
        finally
        {
            await ReleaseAsync(service);
        }
    }
}

/// <summary>A stream of requests and a stream of responses.</summary>
internal sealed class DuplexStreamingHandler<TService, TRequest, TResponse> : CallHandler<TService, TRequest, TResponse>
    where TService : class
    where TRequest : class
    where TResponse : class
{
    private readonly Func<TService, IAsyncStreamReader<TRequest>, IServerStreamWriter<TResponse>, ServerCallContext, Task> _invoke;
    private readonly DuplexStreamingServerMethod<TRequest, TResponse> _serve;

    public DuplexStreamingHandler(
        Method<TRequest, TResponse> method,
        Func<TService, IAsyncStreamReader<TRequest>, IServerStreamWriter<TResponse>, ServerCallContext, Task> invoke,
        IGrpcServiceActivator<TService> activator,
        ServerCallSettings settings)
        : base(method, activator, settings)
    {
        _invoke = invoke;
        _serve = settings.Interceptors.Around<TRequest, TResponse>(ServeAsync);
    }

    protected override async Task InvokeAsync(ServerCall call)
    {
        var requests = new RequestStreamReader<TRequest>(call, Method.RequestMarshaller);
        await _serve(requests, new ResponseStreamWriter<TResponse>(call, Method.ResponseMarshaller), call);
    }

    private async Task ServeAsync(IAsyncStreamReader<TRequest> requests, IServerStreamWriter<TResponse> responses, ServerCallContext context)
    {
        var service = CreateService(context);
        try
        {
            await _invoke(service.Instance, requests, responses, context);
        }
        finally
        {
            await ReleaseAsync(service);
        }
    }
}
