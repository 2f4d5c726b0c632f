using System.IO.Compression;
using System.Net;
using System.Net.Sockets;
using DistSgd.Learning.Data;
using DistSgd.Learning.Models;
using DistSgd.Learning.Optimizers;
using DistSgd.ParamServer.Hosting;
using DistSgd.ParamServer.Services;
using DistSgd.Protos.V1;
using DistSgd.Shared.Exchange;
using DistSgd.Shared.Jobs;
using DistSgd.Worker.Hosting;
using Grpc.Net.Client;
using ModelKind = DistSgd.Learning.Models.ModelKind;

namespace DistSgd.Trainer.Tests;

/// <summary>Whole workers, in the test's process, against whole servers.</summary>
public sealed class WorkerHostTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task OneWorkerWithoutPrefetch_FromFileToShards_EqualsOracleBitForBit()
    {
        using var file = new LibsvmFile(rows: 60, seed: 1);
        using Dataset data = Dataset.Open(file.Path);
        await using ClusterInProcess cluster = await ClusterInProcess.StartAsync(2);
        foreach (bool sparse in (bool[])[false, true])
        {
            var way = new OracleCase(ModelKind.Logistic, OptimizerKind.AdaGrad, sparse, 2, 3, 0, 0.01, 3);
            TrainingJob job = way.Job(data) with { Name = $"worker, sparse {sparse}", Data = file.Describe(data) };
            await using GrpcParameterClient client = await cluster.ActivateAsync(job, way.Shards);
            await cluster.BeginAsync(job, way.Shards);
            await new WorkerHost(new WorkerOptions { Coordinator = cluster.Coordinator }).RunAsync(CancellationToken.None).WaitAsync(Patience);
            Assert.Equal("", way.Difference(way.Expected(data), await ParameterReader.ReadAsync(job, client, CancellationToken.None)));
            ReportRequest report = (await cluster.WatchAsync(job.Name, seen: 0)).Workers[0].Report;
            Assert.Equal((true, (uint)job.Epochs, (ulong)(60 * job.Epochs), 60ul), (report.Finished, report.EpochsDone, report.Rows, report.EpochRows));
        }
    }

    [Fact]
    public async Task ThreeWorkers_TrainEachRowOfEachEpochOnce_AndEachPushes()
    {
        using var file = new LibsvmFile(rows: 100, seed: 2);
        using Dataset data = Dataset.Open(file.Path);
        await using ClusterInProcess cluster = await ClusterInProcess.StartAsync(2);
        TrainingJob job = new OracleCase(ModelKind.Logistic, OptimizerKind.Sgd, true, 1, 4, 0, 0, 2).Job(data) with { Data = file.Describe(data, 3), Partitions = 3, Prefetch = 1 };
        await using GrpcParameterClient client = await cluster.ActivateAsync(job, 2);
        await cluster.BeginAsync(job, 2);
        await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => new WorkerHost(new WorkerOptions { Coordinator = cluster.Coordinator }).RunAsync(CancellationToken.None))).WaitAsync(Patience);
        WatchJobResponse state = await cluster.WatchAsync(job.Name, seen: 0);
        Assert.Equal(100L * job.Epochs, state.Workers.Sum(worker => (long)worker.Report.Rows));
        Assert.All(state.Workers, worker => Assert.True(worker.Report.Pushes > 0 && worker.Report.BytesPushed > 0 && worker.Report.BytesPulled > 0));
        Assert.Contains(await ParameterReader.ReadAsync(job, client, CancellationToken.None), value => value != 0);
    }

    [Fact]
    public async Task TwoWorkers_ParseHalfOfAPlainFileEach_NothingOfACache_AndAllOfGzip()
    {
        using var file = new LibsvmFile(rows: 2000, seed: 7);
        string gzip = file.Beside(".gz", Gzip), cached = file.Beside(".cached", bytes => bytes);
        Dataset.Open(cached, new ReadOptions { IndexBase = IndexBase.One }, new CacheOptions { Mode = CacheMode.Require }).Dispose();
        long bytes = new FileInfo(file.Path).Length, line = File.ReadLines(file.Path).Max(text => text.Length + 1);
        await using ClusterInProcess cluster = await ClusterInProcess.StartAsync(1);
        foreach ((string path, CacheMode mode, long least, long most, long sum) in ((string, CacheMode, long, long, long)[])
            [(file.Path, CacheMode.Off, (bytes / 2) - line, (bytes / 2) + line, bytes), (file.Path, CacheMode.Auto, (bytes / 2) - line, (bytes / 2) + line, bytes),
             (cached, CacheMode.Require, 0, 0, 0), (gzip, CacheMode.Off, bytes, bytes, 2 * bytes)])
        {
            using Dataset data = Dataset.Open(path);
            TrainingJob job = new OracleCase(ModelKind.Logistic, OptimizerKind.Sgd, false, 1, 4, 0, 0, 1).Job(data) with { Name = $"{path} {mode}", Data = LibsvmFile.Describe(path, data, 2), Partitions = 2 };
            await using GrpcParameterClient client = await cluster.ActivateAsync(job, 1);
            await cluster.BeginAsync(job, 1);
            await Task.WhenAll(Enumerable.Range(0, 2).Select(_ => new WorkerHost(new WorkerOptions { Coordinator = cluster.Coordinator, Cache = mode }).RunAsync(CancellationToken.None))).WaitAsync(Patience);
            WatchJobResponse state = await cluster.WatchAsync(job.Name, seen: 0);
            long[] parsed = [.. state.Workers.Select(worker => (long)worker.Report.DataBytesParsed)];
            Assert.All(parsed, one => Assert.InRange(one, least, most));
            Assert.Equal(sum, parsed.Sum());
            Assert.Equal(job.Data!.PartitionRows, state.Workers.Select(worker => (long)worker.Report.EpochRows));
            Assert.Equal(2000, job.Data.PartitionRows.Sum());
        }
    }

    [Fact]
    public async Task DataThatIsNotTheJobs_IsRefused_AndTheLeaderIsToldWhy()
    {
        using LibsvmFile file = new(rows: 60, seed: 3), other = new(rows: 61, seed: 4);
        using Dataset data = Dataset.Open(file.Path);
        await using ClusterInProcess cluster = await ClusterInProcess.StartAsync(1);
        foreach ((string path, string says) in ((string, string)[])
            [(other.Path, "is not the one the job was made for: it has"), (other.Beside(".gz", Gzip), "61 rows"), ("/no/such/file", "isn't on this machine"),
             (file.Beside(".cut", bytes => bytes[..^1]), "is not the one the job was made for: it has"), (file.Beside(".changed", ChangeADigit), "and others"),
             (file.Beside(".gz.cut", bytes => Gzip(bytes)[..^9]), "truncated"), (file.Beside(".empty", _ => []), "empty")])
        {
            TrainingJob job = new OracleCase(ModelKind.Logistic, OptimizerKind.Sgd, false, 1, 4, 0, 0, 1).Job(data) with { Name = path, Data = file.Describe(data) };
            await using GrpcParameterClient client = await cluster.ActivateAsync(job, 1);
            await cluster.BeginAsync(job, 1);
            Exception? refused = await Record.ExceptionAsync(
                () => new WorkerHost(new WorkerOptions { Coordinator = cluster.Coordinator, Data = path }).RunAsync(CancellationToken.None).WaitAsync(Patience));
            Assert.True(refused is WorkerException or DatasetException, $"{path}: {refused}");
            Assert.Contains(says, refused.Message, StringComparison.Ordinal);
            WorkerState state = (await cluster.WatchAsync(job.Name, seen: 0)).Workers[0];
            Assert.Equal((true, refused.Message), (state.Lost, state.Report.Failure));
        }

        static byte[] ChangeADigit(byte[] bytes)
        {
            int digit = Array.FindLastIndex(bytes, b => b is >= (byte)'1' and <= (byte)'8');
            bytes[digit]++;
            return bytes;
        }
    }

    [Fact]
    public async Task SameRowsCompressedOnTheWorkersMachine_AreTheJobs()
    {
        using var file = new LibsvmFile(rows: 60, seed: 3);
        using Dataset data = Dataset.Open(file.Path);
        await using ClusterInProcess cluster = await ClusterInProcess.StartAsync(1);
        var way = new OracleCase(ModelKind.Logistic, OptimizerKind.Sgd, false, 1, 4, 0, 0, 1);
        TrainingJob job = way.Job(data) with { Data = file.Describe(data) };
        await using GrpcParameterClient client = await cluster.ActivateAsync(job, 1);
        await cluster.BeginAsync(job, 1);
        await new WorkerHost(new WorkerOptions { Coordinator = cluster.Coordinator, Data = file.Beside(".gz", Gzip) }).RunAsync(CancellationToken.None).WaitAsync(Patience);
        Assert.Equal("", way.Difference(way.Expected(data), await ParameterReader.ReadAsync(job, client, CancellationToken.None)));
    }

    [Fact]
    public async Task Coordinator_ThatIsNotThere_IsNamed()
    {
        await using ClusterInProcess gone = await ClusterInProcess.StartAsync(1);
        string address = gone.Coordinator;
        await gone.DisposeAsync();
        WorkerException refused = await Assert.ThrowsAsync<WorkerException>(
            () => new WorkerHost(new WorkerOptions { Coordinator = address, RetryDeadline = TimeSpan.Zero }).RunAsync(CancellationToken.None).WaitAsync(Patience));
        Assert.Contains(address, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Coordinator_ThatTakesConnectionsAndIsMute_IsTriedNoLongerThanTheRetryDeadline()
    {
        using var mute = new TcpListener(IPAddress.Loopback, 0);
        mute.Start();
        string address = mute.LocalEndpoint.ToString()!;
        WorkerException refused = await Assert.ThrowsAsync<WorkerException>(
            () => new WorkerHost(new WorkerOptions { Coordinator = address, RetryDeadline = TimeSpan.FromMilliseconds(300) }).RunAsync(CancellationToken.None).WaitAsync(Patience));
        Assert.Contains($"{address} could not be reached for 0 s: it did not answer", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Job_EndedByItsLeader_EndsItsWorkersWithoutAnError()
    {
        using var file = new LibsvmFile(rows: 60, seed: 5);
        using Dataset data = Dataset.Open(file.Path);
        await using ClusterInProcess cluster = await ClusterInProcess.StartAsync(1);
        TrainingJob job = new OracleCase(ModelKind.Logistic, OptimizerKind.Sgd, false, 1, 4, 0, 0, 1).Job(data) with { Data = file.Describe(data), Epochs = 1_000_000 };
        await using GrpcParameterClient client = await cluster.ActivateAsync(job, 1);
        await cluster.BeginAsync(job, 1);
        var notices = new List<string>();
        Task worker = new WorkerHost(new WorkerOptions { Coordinator = cluster.Coordinator, Notice = notices.Add }).RunAsync(CancellationToken.None);
        for (WatchJobResponse state = new(); !(state.Workers.Count > 0 && state.Workers[0].Report is { EpochsDone: > 2 });)
            state = await cluster.WatchAsync(job.Name, state.Change);
        await cluster.EndAsync(job.Name);
        await worker.WaitAsync(Patience);
    }

    [Fact]
    public async Task LeaderThatDies_ItsWorkersEnd_AndItsShardsAreFreedOnEveryServer()
    {
        using var file = new LibsvmFile(rows: 60, seed: 5);
        using Dataset data = Dataset.Open(file.Path);
        await using ClusterInProcess cluster = await ClusterInProcess.StartAsync(2, new ServerLimits { HeartbeatMax = TimeSpan.FromMilliseconds(600) });
        TrainingJob job = new OracleCase(ModelKind.Logistic, OptimizerKind.Sgd, false, 1, 4, 0, 0, 2).Job(data) with { Data = file.Describe(data), Epochs = 1_000_000 };
        await using GrpcParameterClient client = await cluster.ActivateAsync(job, 2);
        await cluster.BeginAsync(job, 2);
        Task worker = new WorkerHost(new WorkerOptions { Coordinator = cluster.Coordinator }).RunAsync(CancellationToken.None);
        for (WatchJobResponse state = new(); !(state.Workers.Count > 0 && state.Workers[0].Report is { EpochsDone: > 2 });)
        {
            state = await cluster.WatchAsync(job.Name, state.Change, waitMs: 20);
            await cluster.RenewAsync(job.Name);
        }
        // Nobody watches the job from here on. Its worker ends and says why, and then nobody uses the shards.
        WorkerException lost = await Assert.ThrowsAsync<WorkerException>(() => worker.WaitAsync(Patience));
        Assert.Contains($"the leader of job '{job.Name}' was not heard of", lost.Message, StringComparison.Ordinal);
        using var late = new CancellationTokenSource(Patience);
        using var probe = new PeriodicTimer(TimeSpan.FromMilliseconds(50));
        while ((await cluster.DescribeAsync(job.Name)).Length > 0)
            await probe.WaitForNextTickAsync(late.Token);
    }

    [Fact]
    public async Task Coordinator_ThatDiesWithinAnEpoch_EndsTheWorkerWithItsNameAndNotAsIfCancelled()
    {
        using var file = new LibsvmFile(rows: 60_000, seed: 6);
        using Dataset data = Dataset.Open(file.Path);
        await using ClusterInProcess shards = await ClusterInProcess.StartAsync(1);
        await using ClusterInProcess coordinator = await ClusterInProcess.StartAsync(1, new ServerLimits { HeartbeatMax = TimeSpan.FromMilliseconds(500) });
        TrainingJob job = new OracleCase(ModelKind.Logistic, OptimizerKind.Sgd, false, 1, 0, 0, 0, 1).Job(data) with { Data = file.Describe(data) };
        await using GrpcParameterClient client = await shards.ActivateAsync(job, 1);
        await coordinator.BeginAsync(job, shards.Coordinator);
        Task worker = new WorkerHost(new WorkerOptions { Coordinator = coordinator.Coordinator, RetryDeadline = TimeSpan.FromMilliseconds(200) }).RunAsync(CancellationToken.None);
        for (WatchJobResponse state = new(); !(state.Workers.Count > 0 && state.Workers[0].Report is { Rows: > 0 });)
            state = await coordinator.WatchAsync(job.Name, state.Change, waitMs: 20);
        string address = coordinator.Coordinator;
        await coordinator.DisposeAsync();
        WorkerException lost = await Assert.ThrowsAsync<WorkerException>(() => worker.WaitAsync(Patience));
        Assert.Contains($"coordinator {address}", lost.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Coordinator_ThatIsRestartedInMidJob_EndsTheWorkerWithAnError()
    {
        using var file = new LibsvmFile(rows: 60, seed: 5);
        using Dataset data = Dataset.Open(file.Path);
        await using ClusterInProcess shards = await ClusterInProcess.StartAsync(1);
        await using ClusterInProcess coordinator = await ClusterInProcess.StartAsync(1, new ServerLimits { HeartbeatMax = TimeSpan.FromMilliseconds(500) });
        TrainingJob job = new OracleCase(ModelKind.Logistic, OptimizerKind.Sgd, false, 1, 4, 0, 0, 1).Job(data) with { Data = file.Describe(data), Epochs = 1_000_000 };
        await using GrpcParameterClient client = await shards.ActivateAsync(job, 1);
        await coordinator.BeginAsync(job, shards.Coordinator);
        Task worker = new WorkerHost(new WorkerOptions { Coordinator = coordinator.Coordinator }).RunAsync(CancellationToken.None);
        for (WatchJobResponse state = new(); !(state.Workers.Count > 0 && state.Workers[0].Report is { EpochsDone: > 2 });)
            state = await coordinator.WatchAsync(job.Name, state.Change, waitMs: 20);
        string address = coordinator.Coordinator;
        await coordinator.DisposeAsync();
        await using ServerHost again = await ServerHost.StartAsync(new ServerOptions { Listen = address }, CancellationToken.None);
        WorkerException lost = await Assert.ThrowsAsync<WorkerException>(() => worker.WaitAsync(Patience));
        Assert.Contains($"The coordinator {address} ended the training: job '{job.Name}' isn't known here any more", lost.Message, StringComparison.Ordinal);
    }

    private static byte[] Gzip(byte[] bytes)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest))
            gzip.Write(bytes);
        return packed.ToArray();
    }

    /// <summary>A LIBSVM file of random rows.</summary>
    private sealed class LibsvmFile : IDisposable
    {
        public LibsvmFile(int rows, int seed)
        {
            Path = System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"distsgd-test-{Guid.NewGuid():N}.txt");
            using Dataset data = RandomRows.Build(rows, 20, 0.2, seed);
            using var text = new StreamWriter(Path);
            for (long row = 0; row < data.RowCount; row++)
            {
                SparseRow x = data.Row(row);
                text.Write(x.Label);
                for (int i = 0; i < x.Indices.Length; i++)
                    text.Write($" {x.Indices[i] + 1}:{x.Values[i]:R}");
                text.Write('\n');
            }
        }

        public string Path { get; }

        /// <summary>The same rows, or others, as another file beside it.</summary>
        public string Beside(string name, Func<byte[], byte[]> change)
        {
            File.WriteAllBytes(Path + name, change(File.ReadAllBytes(Path)));
            return Path + name;
        }

        public JobData Describe(Dataset data, int partitions = 1) => Describe(Path, data, partitions);

        public static JobData Describe(string path, Dataset data, int partitions)
        {
            DataFingerprint stored = DataFingerprint.Of(path);
            return new JobData(path, data.SourceBytes, data.RowCount, data.IndexBase == IndexBase.Zero ? 0 : 1, -1, 1)
            {
                StoredBytes = stored.StoredBytes,
                Sample = stored.Sample,
                PartitionRows = [.. Enumerable.Range(0, partitions).Select(i => data.Rows(new Partition(i, partitions)).Sum(range => range.Count))],
            };
        }

        public void Dispose()
        {
            foreach (string file in Directory.GetFiles(System.IO.Path.GetDirectoryName(Path)!, System.IO.Path.GetFileName(Path) + "*"))
                File.Delete(file);
        }
    }
}
