using DistSgd.ParamServer.Hosting;
using DistSgd.Protos.V1;
using DistSgd.Shared.Exchange;
using DistSgd.Shared.Jobs;
using DistSgd.Shared.Sharding;
using Grpc.Net.Client;
using ShardPlacement = DistSgd.Shared.Exchange.ShardPlacement;

namespace DistSgd.Trainer.Tests;

/// <summary>Servers on free ports of the loopback, in the test's process.</summary>
internal sealed class ClusterInProcess : IAsyncDisposable
{
    private readonly List<ServerHost> _servers = [];
    private readonly List<GrpcChannel> _channels = [];

    public static async Task<ClusterInProcess> StartAsync(int servers)
    {
        var cluster = new ClusterInProcess();
        for (int i = 0; i < servers; i++)
        {
            cluster._servers.Add(await ServerHost.StartAsync(new ServerOptions { Listen = "127.0.0.1:0" }, CancellationToken.None));
            cluster._channels.Add(GrpcChannel.ForAddress($"http://{cluster._servers[i].Address}"));
        }
        return cluster;
    }

    /// <summary>Activates the job's shards, dealt to the servers in turn, and gives a client to them.</summary>
    public async Task<GrpcParameterClient> ActivateAsync(TrainingJob job, int shards)
    {
        ShardMap map = ShardMap.Cut(job.KeyCount, shards);
        ShardPlacement[] placements = [.. Enumerable.Range(0, map.Count).Select(i => new ShardPlacement(i, map[i], _servers[i % _servers.Count].Address))];
        for (int i = 0; i < _servers.Count; i++)
        {
            var request = new ActivateRequest { Spec = job.ToMessage() };
            request.Shards.Add(placements.Where(placement => placement.Server == _servers[i].Address).Select(placement => placement.ToMessage()));
            await new Shards.ShardsClient(_channels[i]).ActivateAsync(request);
        }
        return new GrpcParameterClient(job.Name, job.EntryFloats, placements, new GrpcClientOptions());
    }

    public async ValueTask DisposeAsync()
    {
        foreach (GrpcChannel channel in _channels)
            channel.Dispose();
        foreach (ServerHost server in _servers)
            await server.DisposeAsync();
    }
}
