using Grpc.Core.Interceptors;

namespace Grpc.Core;

/// <summary>Starts calls. Thread-safe.</summary>
public abstract class CallInvoker
{
    /// <summary>Makes a unary call and waits for its response.</summary>
    public abstract TResponse BlockingUnaryCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request)
        where TRequest : class
        where TResponse : class;

    /// <summary>Starts a unary call.</summary>
    public abstract AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request)
        where TRequest : class
        where TResponse : class;

    /// <summary>Starts a server-streaming call.</summary>
    public abstract AsyncServerStreamingCall<TResponse> AsyncServerStreamingCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request)
        where TRequest : class
        where TResponse : class;

    /// <summary>Starts a client-streaming call.</summary>
    public abstract AsyncClientStreamingCall<TRequest, TResponse> AsyncClientStreamingCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options)
        where TRequest : class
        where TResponse : class;

    /// <summary>Starts a duplex call.</summary>
    public abstract AsyncDuplexStreamingCall<TRequest, TResponse> AsyncDuplexStreamingCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options)
        where TRequest : class
        where TResponse : class;
}

/// <summary>A channel to a server: makes invokers, and ends with its shutdown. Thread-safe.</summary>
public abstract class ChannelBase
{
    /// <summary>A channel to this target.</summary>
    protected ChannelBase(string target)
    {
        ArgumentNullException.ThrowIfNull(target);
        Target = target;
    }

    /// <summary>The server's host and port.</summary>
    public string Target { get; }

    /// <summary>An invoker whose calls go over this channel.</summary>
    public abstract CallInvoker CreateCallInvoker();

    /// <summary>Ends the channel; its calls are cancelled.</summary>
    public Task ShutdownAsync() => ShutdownAsyncCore();

    /// <summary>Ends the channel.</summary>
    protected virtual Task ShutdownAsyncCore() => Task.CompletedTask;
}

/// <summary>What generated clients derive from, without their own type.</summary>
public abstract class ClientBase
{
    /// <summary>A client without an invoker, for test doubles.</summary>
    protected ClientBase()
    {
    }

    /// <summary>A client of this configuration.</summary>
    protected ClientBase(ClientBaseConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        Configuration = configuration;
    }

    /// <summary>A client over this channel.</summary>
    protected ClientBase(ChannelBase channel)
    {
        ArgumentNullException.ThrowIfNull(channel);
        Configuration = new ClientBaseConfiguration(channel.CreateCallInvoker(), null);
    }

    /// <summary>A client over this invoker.</summary>
    protected ClientBase(CallInvoker callInvoker)
    {
        ArgumentNullException.ThrowIfNull(callInvoker);
        Configuration = new ClientBaseConfiguration(callInvoker, null);
    }

    /// <summary>What starts this client's calls.</summary>
    protected CallInvoker CallInvoker => Configuration?.Invoker
        ?? throw new InvalidOperationException("This client was made without a channel or invoker, so it can't make calls.");

    internal ClientBaseConfiguration? Configuration { get; }

    /// <summary>How a client starts its calls. Immutable.</summary>
    protected internal sealed class ClientBaseConfiguration
    {
        private readonly CallInvoker _undecorated;

        internal ClientBaseConfiguration(CallInvoker invoker, string? host)
        {
            _undecorated = invoker;
            Invoker = host is null ? invoker : invoker.Intercept(new HostInterceptor(host));
        }

        internal CallInvoker Invoker { get; }

        internal ClientBaseConfiguration WithHost(string host) => new(_undecorated, host);
    }
}

/// <summary>What generated clients derive from. Thread-safe.</summary>
/// <typeparam name="T">The client itself.</typeparam>
public abstract class ClientBase<T> : ClientBase
    where T : ClientBase<T>
{
    /// <summary>A client without an invoker, for test doubles.</summary>
    protected ClientBase()
    {
    }

    /// <summary>A client of this configuration.</summary>
    protected ClientBase(ClientBaseConfiguration configuration)
        : base(configuration)
    {
    }

    /// <summary>A client over this channel.</summary>
    protected ClientBase(ChannelBase channel)
        : base(channel)
    {
    }

    /// <summary>A client over this invoker.</summary>
    protected ClientBase(CallInvoker callInvoker)
        : base(callInvoker)
    {
    }

    /// <summary>A client whose calls address this host by name, on the same connection.</summary>
    public T WithHost(string host)
    {
        ArgumentNullException.ThrowIfNull(host);
        var configuration = Configuration
            ?? throw new InvalidOperationException("This client was made without a channel or invoker, so it can't make calls.");
        return NewInstance(configuration.WithHost(host));
    }

    /// <summary>Makes a client of this type.</summary>
    protected abstract T NewInstance(ClientBaseConfiguration configuration);
}
