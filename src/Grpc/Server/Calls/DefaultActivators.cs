using System.Diagnostics.CodeAnalysis;
using Grpc.Core.Interceptors;
using Microsoft.Extensions.DependencyInjection;

namespace Grpc.AspNetCore.Server.Calls;

/// <summary>The host's service, where registered, else a new one, disposed after the call. Thread-safe.</summary>
internal sealed class DefaultServiceActivator<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] TService> : IGrpcServiceActivator<TService>
    where TService : class
{
    private static readonly Lazy<ObjectFactory<TService>> Factory = new(() => ActivatorUtilities.CreateFactory<TService>([]));

    public GrpcActivatorHandle<TService> Create(IServiceProvider serviceProvider) => serviceProvider.GetService<TService>() is { } registered
        ? new GrpcActivatorHandle<TService>(registered, created: false, state: null)
        : new GrpcActivatorHandle<TService>(Factory.Value(serviceProvider, []), created: true, state: null);

    public ValueTask ReleaseAsync(GrpcActivatorHandle<TService> service) => Disposal.ReleaseAsync(service.Instance, service.Created);
}

/// <summary>The host's interceptor, where registered and no arguments are given, else a new one, disposed after the call. Thread-safe.</summary>
internal sealed class DefaultInterceptorActivator<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] TInterceptor> : IGrpcInterceptorActivator<TInterceptor>
    where TInterceptor : Interceptor
{
    public GrpcActivatorHandle<Interceptor> Create(IServiceProvider serviceProvider, InterceptorRegistration interceptorRegistration)
    {
        var arguments = interceptorRegistration.Arguments;
        return arguments.Count == 0 && serviceProvider.GetService<TInterceptor>() is { } registered
            ? new GrpcActivatorHandle<Interceptor>(registered, created: false, state: null)
            : new GrpcActivatorHandle<Interceptor>(
                ActivatorUtilities.CreateInstance<TInterceptor>(serviceProvider, [.. arguments]), created: true, state: null);
    }

    public ValueTask ReleaseAsync(GrpcActivatorHandle<Interceptor> interceptor) => Disposal.ReleaseAsync(interceptor.Instance, interceptor.Created);
}

/// <summary>Disposes what was made for a call.</summary>
internal static class Disposal
{
    public static ValueTask ReleaseAsync(object? instance, bool isOwned)
    {
        if (!isOwned)
            return default;
        if (instance is IAsyncDisposable asyncDisposable)
            return asyncDisposable.DisposeAsync();
        (instance as IDisposable)?.Dispose();
        return default;
    }
}
