using Grpc.AspNetCore.Server;
using Grpc.AspNetCore.Server.Calls;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Bounds the memory of messages.</summary>
public static class GrpcMessageBounds
{
    /// <summary>
    /// Bounds what the messages of all calls have together while they arrive, are worked on and leave, bytes; beyond it calls are refused with
    /// ResourceExhausted. Whole messages of up to 64 KiB count nothing; a compressed request counts as what it becomes. Where too few bytes are
    /// left, calls are cut off of whose request nothing has come for 10 s, or whose messages arrive or leave more slowly, after 30 s, than 256 KiB a second. Without it
    /// only the number of messages and the size of each are bounded.
    /// </summary>
    /// <param name="grpcBuilder">The host's.</param>
    /// <param name="bytesMax">The bound, bytes.</param>
    /// <param name="exempt">Services whose messages don't count, since they bound them themselves.</param>
    /// <exception cref="ArgumentOutOfRangeException">The bound is below 1.</exception>
    public static IGrpcServerBuilder BoundMessages(this IGrpcServerBuilder grpcBuilder, long bytesMax, params Type[] exempt)
    {
        ArgumentNullException.ThrowIfNull(grpcBuilder);
        ArgumentNullException.ThrowIfNull(exempt);
        ArgumentOutOfRangeException.ThrowIfLessThan(bytesMax, 1);
        grpcBuilder.Services.TryAddSingleton(TimeProvider.System);
        grpcBuilder.Services.AddSingleton(host => new MessageBudget(bytesMax, host.GetRequiredService<TimeProvider>(), exempt));
        return grpcBuilder;
    }
}
