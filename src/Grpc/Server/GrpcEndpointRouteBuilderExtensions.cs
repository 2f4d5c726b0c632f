using System.Diagnostics.CodeAnalysis;
using Grpc.AspNetCore.Server;
using Grpc.AspNetCore.Server.Calls;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Microsoft.AspNetCore.Builder;

/// <summary>Maps gRPC services to routes.</summary>
public static class GrpcEndpointRouteBuilderExtensions
{
    /// <summary>
    /// Maps a service's methods. Each call gets an instance from the host's services, or a new one (disposed after the call) where the type isn't registered.
    /// </summary>
    /// <exception cref="InvalidOperationException">AddGrpc wasn't called, or the type doesn't derive from a generated service base.</exception>
    public static GrpcServiceEndpointConventionBuilder MapGrpcService<[DynamicallyAccessedMembers(ServiceMembers.Needed)] TService>(this IEndpointRouteBuilder builder)
        where TService : class
    {
        ArgumentNullException.ThrowIfNull(builder);
        var services = builder.ServiceProvider;
        var activator = services.GetService<IGrpcServiceActivator<TService>>()
            ?? throw new InvalidOperationException("gRPC isn't set up: call services.AddGrpc() before MapGrpcService.");
        var options = services.GetRequiredService<IOptions<GrpcServiceOptions>>().Value;
        var settings = ServerCallSettings.Create(
            options,
            services.GetRequiredService<IOptions<GrpcServiceOptions<TService>>>().Value,
            services.GetRequiredService<ILoggerFactory>().CreateLogger("Grpc.AspNetCore.Server")) with
        {
            Budget = services.GetService<MessageBudget>() is { } budget && budget.Counts(typeof(TService)) ? budget : null,
        };
        var binder = new ServiceMethodBinder<TService>(builder, activator, settings);
        binder.BindAll();
        services.GetRequiredService<UnknownMethods>().Map(builder, binder.ServiceNames, options);
        return new GrpcServiceEndpointConventionBuilder(binder.Endpoints);
    }
}

/// <summary>Adds conventions, such as authorization, to the endpoints of a service.</summary>
public sealed class GrpcServiceEndpointConventionBuilder : IEndpointConventionBuilder
{
    private readonly IReadOnlyList<IEndpointConventionBuilder> _endpoints;

    internal GrpcServiceEndpointConventionBuilder(IReadOnlyList<IEndpointConventionBuilder> endpoints) => _endpoints = endpoints;

    /// <inheritdoc/>
    public void Add(Action<EndpointBuilder> convention)
    {
        foreach (var endpoint in _endpoints)
            endpoint.Add(convention);
    }
}
