using DistSgd.ParamServer.Metrics;
using DistSgd.ParamServer.Shards;
using DistSgd.Shared.Wire;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace DistSgd.ParamServer.Services;

/// <summary>Puts <c>distsgd.v1.Parameters</c>, its calls and its streams, into a host.</summary>
public static class DataPlane
{
    // Health checks and reflection ask little.
    private const int OtherMessageBytesMax = 64 << 10;

    /// <summary>Adds what <see cref="MapDataPlane"/> needs, gRPC included.</summary>
    /// <param name="services">The host's services.</param>
    /// <param name="limits">Bounds.</param>
    /// <param name="shards">Makes the server's shards.</param>
    /// <param name="isCounted">Whether the wire's traffic is counted.</param>
    public static IServiceCollection AddDataPlane(this IServiceCollection services, ServerLimits limits, Func<ShardRegistry> shards, bool isCounted)
    {
        services.AddSingleton(limits);
        services.AddSingleton(TimeProvider.System);
        services.AddSingleton<ServerFacts>();
        services.AddSingleton(_ => shards());
        services.AddSingleton<StreamBudget>();
        services.AddSingleton(host => ActivatorUtilities.CreateInstance<WireMetrics>(host, isCounted));
        services.AddSingleton<ParametersService>();
        services.AddSingleton<ExchangeStreams>();
        services.AddGrpc(grpc => grpc.MaxReceiveMessageSize = OtherMessageBytesMax)
            .AddServiceOptions<ParametersService>(calls => (calls.MaxReceiveMessageSize, calls.MaxSendMessageSize) = (limits.MessageBytesMax, limits.MessageBytesMax))
            .AddServiceOptions<CoordinationService>(control => control.MaxReceiveMessageSize = ParametersContract.SpecBytesMax)
            .AddServiceOptions<ShardsService>(control => control.MaxReceiveMessageSize = ParametersContract.SpecBytesMax)
            .BoundMessages(limits.CallMemoryBytesMax, exempt: typeof(ExchangeStreams))
            .AddServiceOptions<ExchangeStreams>(streams => streams.MaxReceiveMessageSize = limits.StreamExchangeBytesMax);
        return services;
    }

    /// <summary>Maps calls and streams.</summary>
    /// <param name="routes">The host's routes.</param>
    public static void MapDataPlane(this IEndpointRouteBuilder routes)
    {
        routes.MapGrpcService<ParametersService>();
        routes.MapGrpcService<ExchangeStreams>();
    }
}
