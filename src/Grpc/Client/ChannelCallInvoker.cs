using Grpc.Core;

namespace Grpc.Net.Client;

/// <summary>Starts calls on a channel. Thread-safe.</summary>
internal sealed class ChannelCallInvoker(ChannelSettings channel) : CallInvoker
{
    public override TResponse BlockingUnaryCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request)
    {
        var call = Create(method, host, options);
#pragma warning disable VSTHRD002 // The API is a blocking one; no continuation of ours needs the caller's thread.
        return call.UnaryAsync(request).GetAwaiter().GetResult();
#pragma warning restore VSTHRD002
    }

    public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request)
    {
        var call = Create(method, host, options);
        return new AsyncUnaryCall<TResponse>(call.UnaryAsync(request), call);
    }

    public override AsyncServerStreamingCall<TResponse> AsyncServerStreamingCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request)
    {
        var call = Create(method, host, options);
        call.StartServerStreaming(request);
        return new AsyncServerStreamingCall<TResponse>(new ResponseStream<TRequest, TResponse>(call), call);
    }

    public override AsyncClientStreamingCall<TRequest, TResponse> AsyncClientStreamingCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options)
    {
        var call = Create(method, host, options);
        call.StartRequestStream();
        return new AsyncClientStreamingCall<TRequest, TResponse>(new RequestStream<TRequest, TResponse>(call), call.SingleResponseAsync(), call);
    }

    public override AsyncDuplexStreamingCall<TRequest, TResponse> AsyncDuplexStreamingCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options)
    {
        var call = Create(method, host, options);
        call.StartRequestStream();
        return new AsyncDuplexStreamingCall<TRequest, TResponse>(
            new RequestStream<TRequest, TResponse>(call), new ResponseStream<TRequest, TResponse>(call), call);
    }

    private ClientCall<TRequest, TResponse> Create<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, in CallOptions callOptions)
        where TRequest : class
        where TResponse : class => new(channel, method, host, callOptions);
}
