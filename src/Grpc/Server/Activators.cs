using System.Diagnostics.CodeAnalysis;
using Grpc.Core.Interceptors;

namespace Grpc.AspNetCore.Server;

/// <summary>An instance for one call, and whether it was made for it.</summary>
/// <typeparam name="T">The instance's type.</typeparam>
public readonly struct GrpcActivatorHandle<T>
{
    /// <summary>A handle; created says that whoever made the instance disposes it, state is the maker's own.</summary>
    public GrpcActivatorHandle(T instance, bool created, object? state)
    {
        Instance = instance;
        Created = created;
        State = state;
    }

    /// <summary>The instance.</summary>
    public T Instance { get; }

    /// <summary>Whether it was made for this call, and so is disposed after it.</summary>
    public bool Created { get; }

    /// <summary>What the maker wants to find again on release.</summary>
    public object? State { get; }
}

/// <summary>Gives each call its service. Register one's own to replace it. Thread-safe.</summary>
/// <typeparam name="TGrpcService">The service.</typeparam>
public interface IGrpcServiceActivator<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] TGrpcService>
    where TGrpcService : class
{
    /// <summary>The service for a call.</summary>
    GrpcActivatorHandle<TGrpcService> Create(IServiceProvider serviceProvider);

    /// <summary>The call has ended.</summary>
    ValueTask ReleaseAsync(GrpcActivatorHandle<TGrpcService> service);
}

/// <summary>Gives each call its interceptor. Thread-safe.</summary>
public interface IGrpcInterceptorActivator
{
    /// <summary>The interceptor for a call.</summary>
    GrpcActivatorHandle<Interceptor> Create(IServiceProvider serviceProvider, InterceptorRegistration interceptorRegistration);

    /// <summary>The call has ended.</summary>
    ValueTask ReleaseAsync(GrpcActivatorHandle<Interceptor> interceptor);
}

/// <summary>Gives each call its interceptor of one type. Register one's own to replace it. Thread-safe.</summary>
/// <typeparam name="TInterceptor">The interceptor.</typeparam>
public interface IGrpcInterceptorActivator<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] TInterceptor> : IGrpcInterceptorActivator
    where TInterceptor : Interceptor
{
}
