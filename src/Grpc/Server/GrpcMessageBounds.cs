using Grpc.AspNetCore.Server;
using Grpc.AspNetCore.Server.Calls;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Bounds the memory of a service's messages.</summary>
public static class GrpcMessageBounds
{
    /// <summary>
    /// Bounds what the messages of all calls of a service have together while they arrive, are worked on and leave, bytes; beyond it calls are refused
    /// with ResourceExhausted. Messages of up to 64 KiB count nothing; a compressed request counts as what it can become. Without it only their
    /// number and the size of each are bounded.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The bound is below 1.</exception>
    public static IGrpcServerBuilder BoundMessages<TService>(this IGrpcServerBuilder grpcBuilder, long bytesMax)
        where TService : class
    {
        ArgumentNullException.ThrowIfNull(grpcBuilder);
        ArgumentOutOfRangeException.ThrowIfLessThan(bytesMax, 1);
        grpcBuilder.Services.AddSingleton(new MessageBudget<TService>(bytesMax));
        return grpcBuilder;
    }
}
