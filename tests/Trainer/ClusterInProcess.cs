using DistSgd.ParamServer.Hosting;
using DistSgd.ParamServer.Services;
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
    private bool _disposed;

    /// <summary>Address of the first server.</summary>
    public string Coordinator => _servers[0].Address;

    public static async Task<ClusterInProcess> StartAsync(int servers, ServerLimits? limits = null)
    {
        var cluster = new ClusterInProcess();
        for (int i = 0; i < servers; i++)
        {
            cluster._servers.Add(await ServerHost.StartAsync(new ServerOptions { Listen = "127.0.0.1:0", Limits = limits ?? new ServerLimits() }, CancellationToken.None));
            cluster._channels.Add(GrpcChannel.ForAddress($"http://{cluster._servers[i].Address}"));
        }
        return cluster;
    }

    /// <summary>Activates the job's shards, dealt to the servers in turn, and gives a client to them.</summary>
    public async Task<GrpcParameterClient> ActivateAsync(TrainingJob job, int shards)
    {
        ShardPlacement[] placements = Place(job, shards);
        for (int i = 0; i < _servers.Count; i++)
        {
            var request = new ActivateRequest { Spec = job.ToMessage() };
            request.Shards.Add(placements.Where(placement => placement.Server == _servers[i].Address).Select(placement => placement.ToMessage()));
            await new Shards.ShardsClient(_channels[i]).ActivateAsync(request);
        }
        return new GrpcParameterClient(job.Name, job.KeyFloats, placements, new GrpcClientOptions());
    }

    /// <summary>Begins a job with shards on these servers, as <see cref="ActivateAsync"/> dealt them.</summary>
    public async Task BeginAsync(TrainingJob job, int shards)
    {
        var request = new BeginJobRequest { Spec = job.ToMessage() };
        request.Shards.Add(Place(job, shards).Select(placement => placement.ToMessage()));
        await Client.BeginJobAsync(request);
    }

    /// <summary>Begins a job whose one shard lies on another server.</summary>
    public async Task BeginAsync(TrainingJob job, string server)
    {
        var request = new BeginJobRequest { Spec = job.ToMessage() };
        request.Shards.Add(new ShardPlacement(0, new KeyRange(0, job.KeyCount), server).ToMessage());
        await Client.BeginJobAsync(request);
    }

    public async Task<WatchJobResponse> WatchAsync(string job, ulong seen, uint waitMs = 10_000) =>
        await Client.WatchJobAsync(new WatchJobRequest { Job = job, Seen = seen, WaitMs = waitMs });

    /// <summary>The job's shards on all servers.</summary>
    public async Task<ShardDescription[]> DescribeAsync(string job)
    {
        DescribeResponse[] servers = await Task.WhenAll(_channels.Select(channel => new Shards.ShardsClient(channel).DescribeAsync(new DescribeRequest { Job = job }).ResponseAsync));
        return [.. servers.SelectMany(server => server.Shards)];
    }

    /// <summary>What a living leader does for its shards.</summary>
    public Task RenewAsync(string job) => Task.WhenAll(_channels.Select(channel => new Shards.ShardsClient(channel).RenewAsync(new RenewRequest { Job = job }).ResponseAsync));

    public async Task EndAsync(string job) => await Client.EndJobAsync(new EndJobRequest { Job = job });

    public async ValueTask DisposeAsync()
    {
        if (_disposed)
            return;
        _disposed = true;
        foreach (GrpcChannel channel in _channels)
            channel.Dispose();
        foreach (ServerHost server in _servers)
            await server.DisposeAsync();
    }

    private Coordination.CoordinationClient Client => new(_channels[0]);

    private ShardPlacement[] Place(TrainingJob job, int shards)
    {
        ShardMap map = ShardMap.Cut(job.KeyCount, shards);
        return [.. Enumerable.Range(0, map.Count).Select(i => new ShardPlacement(i, map[i], _servers[i % _servers.Count].Address))];
    }
}
