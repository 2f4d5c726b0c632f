using DistSgd.Learning.Formats;
using DistSgd.ParamServer.Shards;
using DistSgd.Protos.V1;
using DistSgd.Shared.Exchange;
using DistSgd.Shared.Jobs;
using DistSgd.Shared.Sharding;
using Grpc.Core;
using Grpc.Net.Client;
using ShardPlacement = DistSgd.Shared.Exchange.ShardPlacement;

namespace DistSgd.Trainer.Cluster;

/// <summary>A job on servers and workers over gRPC, led from here.</summary>
internal sealed class ClusterBackend : ITrainingBackend
{
    private static readonly TimeSpan CallDeadline = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan AnswerMin = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan EndCallDeadline = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan WatchWait = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan RetryInterval = TimeSpan.FromMilliseconds(200);

    private readonly TrainingJob _job;
    private readonly TimeSpan _retryDeadline;
    private readonly Action<string>? _notice;
    private readonly LocalCluster? _local;
    private readonly string[] _servers;
    private readonly GrpcChannel[] _channels;
    private readonly ShardPlacement[] _placements;
    private readonly GrpcParameterClient _client;
    private readonly Coordination.CoordinationClient _coordination;
    private WatchJobResponse _state = new();
    private LeaderLease? _lease;
    private bool _activated;
    private bool _ending;
    private string _lost = "";

    private ClusterBackend(TrainingJob job, ClusterOptions options, int shards, Action<string>? notice, LocalCluster? local, string[] servers)
    {
        _job = job;
        _retryDeadline = options.RetryDeadline;
        _notice = notice;
        _local = local;
        _servers = servers;
        _channels = [.. servers.Select(server => GrpcChannel.ForAddress($"http://{server}"))];
        ShardMap map = ShardMap.Cut(job.KeyCount, shards);
        _placements = [.. Enumerable.Range(0, map.Count).Select(i => new ShardPlacement(i, map[i], servers[i % servers.Length]))];
        _client = new GrpcParameterClient(job.Name, job.KeyFloats, _placements, new GrpcClientOptions { RetryDeadline = options.RetryDeadline, Waiting = notice });
        _coordination = new Coordination.CoordinationClient(_channels[0]);
    }

    public bool IsRemote => true;

    public IReadOnlyList<ProcessFigures> Processes { get; private set; } = [];

    /// <summary>Starts or connects to servers, activates the shards, begins the job and starts workers.</summary>
    public static async Task<ClusterBackend> CreateAsync(TrainingPlan plan, ClusterOptions options, Action<string>? notice, CancellationToken cancellationToken)
    {
        LocalCluster? local = options.Connect.Count == 0 ? new LocalCluster(options) : null;
        ClusterBackend? backend = null;
        try
        {
            string[] servers = local is null ? [.. options.Connect] : await local.StartServersAsync(cancellationToken);
            backend = new ClusterBackend(plan.Job, options, plan.Shards, notice, local, servers);
            await backend.BeginAsync(plan.Initial, cancellationToken);
            return backend;
        }
        catch (Exception failure)
        {
            backend?.GiveUp(failure);
            if (backend is not null)
                await backend.DisposeAsync();
            else if (local is not null)
                await local.DisposeAsync();
            throw;
        }
    }

    public async Task RunAsync(Func<EpochSummary, CancellationToken, Task<bool>> epochDone, CancellationToken cancellationToken)
    {
        int told = _job.EpochsBefore;
        do
        {
            await WatchAsync(cancellationToken);
            await ThrowIfLostAsync(cancellationToken);
            int done = EpochsDone();
            // An epoch that all workers have passed in the meantime is evaluated once, with the parameters of now.
            if (done > told)
            {
                told = done;
                if (!await epochDone(Summarize(done), cancellationToken) && !AllFinished)
                {
                    // Its workers stop at their next report; the shards stay, to be read.
                    await CallAsync(0, options => _coordination.EndJobAsync(new EndJobRequest { Job = _job.Name }, options), cancellationToken);
                    return;
                }
            }
        }
        while (told < EpochsDone() || !AllFinished);
    }

    public Task<float[]> ReadAsync(CancellationToken cancellationToken) => WhileServersLiveAsync(token => ParameterReader.ReadAsync(_job, _client, token), cancellationToken);

    public Task<float[]> ReadStatesAsync(CancellationToken cancellationToken) => WhileServersLiveAsync(token => ParameterReader.ReadStatesAsync(_job, _client, token), cancellationToken);

    public async Task<BackendFigures> DescribeAsync(CancellationToken cancellationToken)
    {
        var staleness = new long[StalenessLedger.Buckets];
        var processes = new List<ProcessFigures>();
        for (int i = 0; i < _servers.Length; i++)
        {
            DescribeResponse server = await CallAsync(i, options => new Protos.V1.Shards.ShardsClient(_channels[i]).DescribeAsync(new DescribeRequest { Job = _job.Name }, options), cancellationToken);
            foreach (ShardDescription shard in server.Shards)
            {
                for (int b = 0; b < staleness.Length && b < shard.Staleness.Count; b++)
                    staleness[b] += (long)shard.Staleness[b];
            }
            processes.Add(new ProcessFigures("server", (int)server.ProcessId, $"{_servers[i]}, shards {string.Join(" ", server.Shards.Select(shard => shard.Shard))}",
                server.Shards.Sum(shard => (long)shard.Version), server.Shards.Sum(shard => (long)shard.BytesPushed), server.Shards.Sum(shard => (long)shard.BytesPulled)));
        }
        ReportRequest[] reports = [.. _state.Workers.Where(worker => worker.Report is not null).Select(worker => worker.Report)];
        processes.AddRange(_state.Workers.Where(worker => worker.Report is not null).Select(worker => new ProcessFigures("worker", (int)worker.ProcessId,
            $"partition {worker.Partition}", (long)worker.Report.Pushes, (long)worker.Report.BytesPushed, (long)worker.Report.BytesPulled)));
        Processes = processes;
        return new BackendFigures(staleness, reports.Sum(report => (long)report.BytesPushed), reports.Sum(report => (long)report.BytesPulled));
    }

    /// <summary>The training failed: when the job is ended, its workers are told why.</summary>
    public void GiveUp(Exception failure) =>
        _lost = failure is OperationCanceledException ? "its leader was interrupted" : $"its leader gave up: {failure.Message.TrimEnd('.')}";

    public async ValueTask DisposeAsync()
    {
        if (_lease is not null)
            await _lease.DisposeAsync();
        if (_local is null && _activated)
            await EndAsync();
        await _client.DisposeAsync();
        foreach (GrpcChannel channel in _channels)
            channel.Dispose();
        if (_local is not null)
            await _local.DisposeAsync();
    }

    private bool AllFinished => _state.Workers.Count > 0 && _state.Workers.All(worker => worker.Report is { Finished: true });

    // A worker that has ended, by its share of the steps or by its clock, waits for nobody and is waited for by nobody.
    private int EpochsDone()
    {
        IEnumerable<WorkerState> open = _state.Workers.Where(worker => worker.Report is not { Finished: true });
        return open.Any() ? open.Min(worker => (int)(worker.Report?.EpochsDone ?? 0)) : _state.Workers.Max(worker => (int)worker.Report.EpochsDone);
    }

    private async Task BeginAsync(InitialParameters initial, CancellationToken cancellationToken)
    {
        JobSpec spec = _job.ToMessage();
        uint leaseMs = uint.MaxValue;
        for (int i = 0; i < _servers.Length; i++)
        {
            var request = new ActivateRequest { Spec = spec };
            request.Shards.Add(_placements.Where(placement => placement.Server == _servers[i]).Select(placement => placement.ToMessage()));
            ActivateResponse activated = await CallAsync(i, options => new Protos.V1.Shards.ShardsClient(_channels[i]).ActivateAsync(request, options), cancellationToken);
            _activated = true;
            leaseMs = Math.Min(leaseMs, activated.LeaseMs);
        }
        _lease = new LeaderLease(_job.Name, TimeSpan.FromMilliseconds(leaseMs), [.. _servers.Zip(_channels).Where(server => _placements.Any(placement => placement.Server == server.First))], _local is null ? _notice : null);
        await WhileServersLiveAsync(async token =>
        {
            await InitialParameters.PushAsync(_job, _client, initial, token);
            return true;
        }, cancellationToken);
        var begin = new BeginJobRequest { Spec = spec };
        begin.Shards.Add(_placements.Select(placement => placement.ToMessage()));
        await CallAsync(0, options => _coordination.BeginJobAsync(begin, options), cancellationToken);
        _local?.StartWorkers(_servers[0]);
        if (_local is null)
            _notice?.Invoke($"job '{_job.Name}' waits for {Plural.Of(_job.Partitions, "worker")}: distsgd worker --coordinator {_servers[0]}");
    }

    private async Task WatchAsync(CancellationToken cancellationToken)
    {
        var request = new WatchJobRequest { Job = _job.Name, Seen = _state.Change, WaitMs = (uint)WatchWait.TotalMilliseconds };
        _state = await CallAsync(0, options => _coordination.WatchJobAsync(request, options), cancellationToken);
    }

    private async Task ThrowIfLostAsync(CancellationToken cancellationToken)
    {
        if (_lease?.Lost is { } lost)
            throw new TrainingException(lost);
        foreach (WorkerState worker in _state.Workers.Where(worker => worker.Lost))
        {
            string why = worker.Report is { Failure.Length: > 0 } report ? report.Failure : $"it has been silent for {worker.SilentMs / 1000.0:F0} s";
            throw new TrainingException($"Worker {worker.Worker} (partition {worker.Partition + 1} of {_job.Partitions}) is lost: {why}");
        }
        foreach (ChildProcess child in _local?.Children ?? [])
        {
            if (child.Failed || (child.Role == "server" && child.Exited.IsCompleted))
                throw new TrainingException(await child.ExplainAsync(cancellationToken));
        }
    }

    // A server of ours that has ended is known at once: to try it again until the deadline would only hide why.
    private async Task<T> WhileServersLiveAsync<T>(Func<CancellationToken, Task<T>> work, CancellationToken cancellationToken)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task<T> working = work(ended.Token);
        ChildProcess[] servers = [.. (_local?.Children ?? []).Where(child => child.Role == "server")];
        if (await Task.WhenAny([working, .. servers.Select(server => server.Exited)]) != working)
        {
            await ended.CancelAsync();
            await Task.WhenAny(working);
        }
        if (!working.IsCompletedSuccessfully && servers.FirstOrDefault(server => server.Exited.IsCompleted) is { } dead)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw new TrainingException(await dead.ExplainAsync(cancellationToken), working.Exception?.InnerException);
        }
        return await working;
    }

    private EpochSummary Summarize(int epoch)
    {
        ReportRequest[] reports = [.. _state.Workers.Select(worker => worker.Report)];
        // A worker that trains has done so since its last report too; what it told then alone would let time stand still.
        double seconds = _state.Workers.Max(worker => worker.Report.TrainingSeconds + (worker.Report.Finished ? 0 : worker.SilentMs / 1000.0));
        return new EpochSummary(epoch, reports.Sum(report => (long)report.EpochRows), reports.Sum(report => report.EpochLossSum), reports.Sum(report => (long)report.Rows), seconds) { Steps = reports.Sum(report => (long)report.Clock) };
    }

    private async Task EndAsync()
    {
        _ending = true;
        await TryAsync(0, options => _coordination.EndJobAsync(new EndJobRequest { Job = _job.Name, Lost = _lost }, options));
        await Task.WhenAll(Enumerable.Range(0, _servers.Length).Select(i =>
            TryAsync(i, options => new Protos.V1.Shards.ShardsClient(_channels[i]).DeactivateAsync(new DeactivateRequest { Job = _job.Name }, options))));

        // Each by itself: a server that is gone doesn't keep the others from freeing their shards.
        async Task TryAsync<T>(int server, Func<CallOptions, AsyncUnaryCall<T>> call)
        {
            try
            {
                await CallAsync(server, call, CancellationToken.None);
            }
            catch (TrainingException unreachable)
            {
                _notice?.Invoke($"job '{_job.Name}' could not be ended on one of its servers, which will free its shards by itself: {unreachable.Message}");
            }
        }
    }

    private async Task<T> CallAsync<T>(int server, Func<CallOptions, AsyncUnaryCall<T>> call, CancellationToken cancellationToken)
    {
        long started = TimeProvider.System.GetTimestamp();
        bool told = _local is not null;
        string why = "it did not answer";
        TimeSpan bound = _ending ? EndCallDeadline : CallDeadline;
        while (true)
        {
            try
            {
                // No call outlasts the time for which its server is tried; but each has a moment.
                TimeSpan left = _retryDeadline - TimeProvider.System.GetElapsedTime(started);
                TimeSpan deadline = left > bound ? bound : left > AnswerMin ? left : AnswerMin;
                using AsyncUnaryCall<T> running = call(new CallOptions(deadline: DateTime.UtcNow + deadline, cancellationToken: cancellationToken));
                return await running.ResponseAsync;
            }
            catch (RpcException refused)
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (_local?.Children.FirstOrDefault(child => child.Role == "server" && child.Exited.IsCompleted) is { } dead)
                    throw new TrainingException(await dead.ExplainAsync(cancellationToken), refused);
                // All calls of a leader can be made twice.
                bool transient = refused.StatusCode is StatusCode.Unavailable or StatusCode.DeadlineExceeded;
                TimeSpan silent = TimeProvider.System.GetElapsedTime(started);
                // What a server or its machine said tells more than that the last of the time ran out.
                why = refused.StatusCode == StatusCode.DeadlineExceeded ? why : refused.Status.Detail;
                if (transient && (_ending || silent >= _retryDeadline))
                    throw new TrainingException($"Server {_servers[server]} could not be reached for {silent.TotalSeconds:0} s (--retry-deadline {_retryDeadline.TotalSeconds:0}): {why}", refused);
                if (!transient)
                    throw new TrainingException($"Server {_servers[server]}: {refused.Status.Detail}", refused);
                if (!told)
                    _notice?.Invoke($"waiting for server {_servers[server]} (--retry-deadline {_retryDeadline.TotalSeconds:0} s): {why}");
                told = true;
            }
            await Task.Delay(RetryInterval, cancellationToken);
        }
    }
}
