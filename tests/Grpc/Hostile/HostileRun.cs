using DistSgd.Grpc.Tests.V1;
using Grpc.AspNetCore.Server;
using Grpc.Net.Client;
using Grpc.Wire;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.DependencyInjection;

namespace DistSgd.Grpc.Tests.Hostile;

/// <summary>Tests that count what the whole process holds, and so run beside no others.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class HostileCollection
{
    /// <summary>The collection's name.</summary>
    public const string Name = "Hostile peers";
}

/// <summary>
/// An attack on a server with a healthy client beside it, and its aftermath: with the attacker still there, healthy clients, old and new, are served;
/// with it gone, no call is left, no buffer rented, and memory is where it was.
/// </summary>
internal sealed class HostileRun
{
    /// <summary>What the heap may have grown by after a full collection, apart from the buffers that pools keep; code and caches of a first use are in it.</summary>
    private const long HeldBytesMax = 8L << 20;

    private readonly List<RawPeer> _peers = [];
    private readonly EchoHost _host;

    private HostileRun(EchoHost host, LiveCount calls)
    {
        _host = host;
        Calls = calls;
    }

    /// <summary>Calls that the server works on.</summary>
    public LiveCount Calls { get; }

    public int RentedBlocks => Pool(_host).RentedBlocks;

    public static async Task AttackAsync(Func<HostileRun, RawPeer, Task> attack)
    {
        var calls = new LiveCount();
        await using var host = await EchoHost.StartAsync(maps: app => CountCalls(app, calls), expectsErrors: true);
        var pool = Pool(host);
        var run = new HostileRun(host, calls);
        await run.HealthyCallAsync();
        var before = HeldBytes(pool);
        try
        {
            await attack(run, await run.ConnectAsync());
            await run.HealthyCallAsync();
            await run.HealthyNewcomerAsync();
        }
        finally
        {
            run._peers.ForEach(peer => peer.Dispose());
        }
        await calls.WhenAsync(live => live == 0, "calls after the attackers left");
        await run.HealthyCallAsync();
        var grownBytes = HeldBytes(pool) - before;
        Assert.True(grownBytes <= HeldBytesMax, $"{grownBytes} bytes more are held than before the attack.");
        host.Channel.Dispose();
        await host.StopServerAsync().WaitAsync(RawPeer.Patience);
        // Kestrel tells of this one flood as an error; everything else hostile is no news to an operator.
        Assert.All(host.Errors, error => Assert.Contains("exceeded the output operations maximum queue size", error, StringComparison.Ordinal));
        Assert.True(pool.RentedBlocks == 0, $"{pool.RentedBlocks} blocks of {BlockMemoryPool.BlockBytes} bytes never came back.");
    }

    public async Task<RawPeer> ConnectAsync()
    {
        var peer = await RawPeer.ConnectAsync(_host.Address);
        _peers.Add(peer);
        return peer;
    }

    public async Task HealthyCallAsync() => await CallAsync(_host.Client);

    private async Task HealthyNewcomerAsync()
    {
        using var channel = GrpcChannel.ForAddress(_host.Address);
        await CallAsync(new Echo.EchoClient(channel));
    }

    private static async Task CallAsync(Echo.EchoClient client) => Assert.Equal(
        "healthy", (await client.UnaryAsync(new EchoRequest { Text = "healthy" }, deadline: DateTime.UtcNow + RawPeer.Patience)).Text);

    private static void CountCalls(WebApplication app, LiveCount calls) => app.Use(async (http, next) =>
    {
        calls.Add(1);
        try
        {
            await next(http);
        }
        finally
        {
            calls.Add(-1);
        }
    });

    private static BlockMemoryPool Pool(EchoHost host) =>
        (BlockMemoryPool)host.Services.GetRequiredService<IMemoryPoolFactory<byte>>().Create();

    private static long HeldBytes(BlockMemoryPool pool) =>
        GC.GetTotalMemory(forceFullCollection: true) - pool.KeptBlocks * (long)BlockMemoryPool.BlockBytes - MessagePool.KeptBytes;
}
