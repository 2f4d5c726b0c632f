using DistSgd.Learning.Batches;
using DistSgd.Learning.Data;
using DistSgd.ParamServer.Clients;
using DistSgd.ParamServer.Shards;
using DistSgd.Shared.Jobs;
using DistSgd.Shared.Sharding;
using DistSgd.Worker;

namespace DistSgd.Trainer.Embedded;

/// <summary>A job in this process: each thread is a worker, and the shards are this process's memory.</summary>
internal sealed class EmbeddedBackend : ITrainingBackend
{
    private const int StripeRowsMin = 16;

    private readonly TrainingJob _job;
    private readonly ParameterShard[] _shards;
    private readonly BlockSet[] _blocks;
    private readonly InProcessParameterClient[] _clients;

    private EmbeddedBackend(TrainingJob job, ParameterShard[] shards, BlockSet[] blocks)
    {
        _job = job;
        _shards = shards;
        _blocks = blocks;
        _clients = [.. blocks.Select(_ => new InProcessParameterClient(shards))];
    }

    public bool IsRemote => false;

    public IReadOnlyList<ProcessFigures> Processes => [];

    /// <summary>Cuts the data and makes the shards.</summary>
    /// <param name="job">The job; one partition a thread.</param>
    /// <param name="shards">How many shards.</param>
    /// <param name="data">The data; where blocks are gathered at each visit, needed until the end, else not after this.</param>
    /// <param name="labels">The labels' mapping.</param>
    public static EmbeddedBackend Create(TrainingJob job, int shards, Dataset data, LabelMap labels)
    {
        var blocks = new BlockSet[job.Partitions];
        Parallel.For(0, job.Partitions, partition =>
        {
            // By row number, not by byte: partitions of one process are equal in length, so that no thread waits for another.
            (long Start, long End)[] stripes = new Partition(partition, job.Partitions).Stripes(data.RowCount, StripeRowsMin);
            var rows = new RowRange[stripes.Length];
            for (int i = 0; i < rows.Length; i++)
                rows[i] = new RowRange(stripes[i].Start, stripes[i].End - stripes[i].Start);
            var plan = new BlockPlan(job.Seed, partition, job.RowsPerBlock, job.Features, job.Sparse, labels, job.Scaling, job.TailKeys) { Targets = job.Model.Targets, TargetScaling = job.Targets, Weighting = job.Weighting, Order = job.Order, Streams = job.Streams };
            blocks[partition] = BlockSet.Build(data, rows, plan);
        });
        ShardMap map = ShardMap.Cut(job.KeyCount, shards);
        return new EmbeddedBackend(job, [.. Enumerable.Range(0, map.Count).Select(i => new ParameterShard(job, i, map[i]))], blocks);
    }

    /// <summary>Sets parameters before the first step.</summary>
    public Task StartAsync(InitialParameters initial, CancellationToken cancellationToken) =>
        InitialParameters.PushAsync(_job, new InProcessParameterClient(_shards), initial, cancellationToken);

    public async Task RunAsync(Func<EpochSummary, CancellationToken, Task<bool>> epochDone, CancellationToken cancellationToken)
    {
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var barrier = new EpochBarrier(_blocks.Length, _job.SecondsMax, epochDone);
        Task[] workers = [.. _blocks.Select((_, i) => Task.Factory.StartNew(() => RunWorkerAsync(i, barrier, stop), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default).Unwrap())];
        try
        {
            await Task.WhenAll(workers);
        }
        catch
        {
            // What broke one worker, not the cancellation of the others, is what happened.
            cancellationToken.ThrowIfCancellationRequested();
            throw workers.Where(worker => worker.IsFaulted).Select(worker => worker.Exception!.InnerException!).First();
        }
    }

    public Task<float[]> ReadAsync(CancellationToken cancellationToken) => ParameterReader.ReadAsync(_job, new InProcessParameterClient(_shards), cancellationToken);

    public Task<float[]> ReadStatesAsync(CancellationToken cancellationToken) => ParameterReader.ReadStatesAsync(_job, new InProcessParameterClient(_shards), cancellationToken);

    public Task<BackendFigures> DescribeAsync(CancellationToken cancellationToken)
    {
        var staleness = new long[StalenessLedger.Buckets];
        foreach (ParameterShard shard in _shards)
        {
            long[] counts = shard.Figures.Staleness;
            for (int b = 0; b < staleness.Length; b++)
                staleness[b] += counts[b];
        }
        return Task.FromResult(new BackendFigures(staleness, _clients.Sum(client => client.BytesPushed), _clients.Sum(client => client.BytesPulled)));
    }

    public ValueTask DisposeAsync()
    {
        foreach (ParameterShard shard in _shards)
            shard.Dispose();
        foreach (BlockSet blocks in _blocks)
            blocks.Dispose();
        return ValueTask.CompletedTask;
    }

    private async Task RunWorkerAsync(int worker, EpochBarrier barrier, CancellationTokenSource stop)
    {
        try
        {
            using var loop = new TrainingLoop(_job, _blocks[worker], _clients[worker], barrier);
            await loop.RunAsync(stop.Token);
        }
        catch
        {
            await stop.CancelAsync();
            throw;
        }
    }
}
