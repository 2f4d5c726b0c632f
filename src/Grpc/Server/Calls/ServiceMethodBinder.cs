using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;

namespace Grpc.AspNetCore.Server.Calls;

/// <summary>What must be left of a service's type where unused code is cut away (native compilation).</summary>
internal static class ServiceMembers
{
    public const DynamicallyAccessedMemberTypes Needed = DynamicallyAccessedMemberTypes.PublicMethods | DynamicallyAccessedMemberTypes.NonPublicMethods | DynamicallyAccessedMemberTypes.PublicConstructors;
}

/// <summary>Receives a service's methods from its generated BindService and maps each to a route with the handler of its shape.</summary>
internal sealed class ServiceMethodBinder<[DynamicallyAccessedMembers(ServiceMembers.Needed)] TService>(
    IEndpointRouteBuilder routes, IGrpcServiceActivator<TService> activator, ServerCallSettings settings) : ServiceBinderBase
    where TService : class
{
    private readonly List<IEndpointConventionBuilder> _endpoints = [];
    private readonly HashSet<string> _serviceNames = new(StringComparer.Ordinal);

    // What carries the attribute: the generated base class, or what takes its place. Set by BindAll before methods are added.
    private Type _declaring = typeof(TService);

    public IReadOnlyList<IEndpointConventionBuilder> Endpoints => _endpoints;

    public IReadOnlyCollection<string> ServiceNames => _serviceNames;

    [UnconditionalSuppressMessage("Trimming", "IL2075", Justification = "A base class keeps what the attribute on it names.")]
    public void BindAll()
    {
        for (var type = typeof(TService); type is not null; type = type.BaseType)
        {
            if (type.GetCustomAttribute<BindServiceMethodAttribute>(inherit: false) is not { } attribute)
                continue;
            var bind = attribute.BindType.GetMethod(
                attribute.BindMethodName, BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static, [typeof(ServiceBinderBase), type])
                ?? throw new InvalidOperationException(
                    $"{attribute.BindType} has no static method {attribute.BindMethodName}(ServiceBinderBase, {type.Name}), which {type} names.");
            _declaring = type;
            bind.Invoke(null, BindingFlags.DoNotWrapExceptions, binder: null, [this, null], culture: null);
            return;
        }
        throw new InvalidOperationException(
            $"{typeof(TService)} isn't a gRPC service: neither it nor a base class carries BindServiceMethodAttribute. Derive from the generated base class.");
    }

    public override void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, UnaryServerMethod<TRequest, TResponse>? handler)
    {
        var invoke = Find<Func<TService, TRequest, ServerCallContext, Task<TResponse>>>(
            method, typeof(TRequest), typeof(ServerCallContext));
        Map(method, new UnaryHandler<TService, TRequest, TResponse>(method, invoke, activator, settings));
    }

    public override void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, ClientStreamingServerMethod<TRequest, TResponse>? handler)
    {
        var invoke = Find<Func<TService, IAsyncStreamReader<TRequest>, ServerCallContext, Task<TResponse>>>(
            method, typeof(IAsyncStreamReader<TRequest>), typeof(ServerCallContext));
        Map(method, new ClientStreamingHandler<TService, TRequest, TResponse>(method, invoke, activator, settings));
    }

    public override void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, ServerStreamingServerMethod<TRequest, TResponse>? handler)
    {
        var invoke = Find<Func<TService, TRequest, IServerStreamWriter<TResponse>, ServerCallContext, Task>>(
            method, typeof(TRequest), typeof(IServerStreamWriter<TResponse>), typeof(ServerCallContext));
        Map(method, new ServerStreamingHandler<TService, TRequest, TResponse>(method, invoke, activator, settings));
    }

    public override void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, DuplexStreamingServerMethod<TRequest, TResponse>? handler)
    {
        var invoke = Find<Func<TService, IAsyncStreamReader<TRequest>, IServerStreamWriter<TResponse>, ServerCallContext, Task>>(
            method, typeof(IAsyncStreamReader<TRequest>), typeof(IServerStreamWriter<TResponse>), typeof(ServerCallContext));
        Map(method, new DuplexStreamingHandler<TService, TRequest, TResponse>(method, invoke, activator, settings));
    }

    /// <summary>The service's override of a virtual method of the class that carries the attribute; a method of the same name that hides it is no answer to a call.</summary>
    [UnconditionalSuppressMessage("Trimming", "IL2075", Justification = "The public methods of a type include those of its base classes.")]
    private TDelegate Find<TDelegate>(IMethod method, params Type[] parameters)
        where TDelegate : Delegate
    {
        for (var type = typeof(TService); type is not null; type = type.BaseType)
        {
            var found = type.GetMethod(method.Name, BindingFlags.Public | BindingFlags.Instance, parameters);
            if (found is { IsVirtual: true } && found.GetBaseDefinition().DeclaringType == _declaring)
                return found.CreateDelegate<TDelegate>();
        }
        throw new InvalidOperationException(
            $"{_declaring} has no public virtual method {method.Name}({string.Join(", ", parameters.Select(type => type.Name))}).");
    }

    private void Map<TRequest, TResponse>(Method<TRequest, TResponse> method, CallHandler<TService, TRequest, TResponse> handler)
        where TRequest : class
        where TResponse : class
    {
        _serviceNames.Add(method.ServiceName);
        _endpoints.Add(routes.MapPost(method.FullName, handler.HandleAsync).WithDisplayName("gRPC " + method.FullName)
            .WithMetadata(new GrpcMethodMetadata(typeof(TService), method)));
    }
}
