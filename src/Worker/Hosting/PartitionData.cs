using System.Net;
using DistSgd.Learning.Batches;
using DistSgd.Learning.Data;
using DistSgd.Shared.Jobs;

namespace DistSgd.Worker.Hosting;

/// <summary>
/// A worker's partition, read from its own file once that is known to be the leader's: by length and samples, and then by the partition's number of rows. What a part
/// cannot tell (index base, features, labels, scaling) comes from the job.
/// </summary>
/// <param name="Blocks">The rows, dealt to blocks; whoever reads disposes them.</param>
/// <param name="ParsedBytes">Bytes of text parsed for it: the partition's of a plain file, all of a gzip file, none of a cache.</param>
internal sealed record PartitionData(BlockSet Blocks, long ParsedBytes)
{
    /// <summary>Reads a partition.</summary>
    /// <param name="job">The job.</param>
    /// <param name="partition">Which part, from 0.</param>
    /// <param name="options">Where the file lies here.</param>
    /// <param name="cancellationToken">Gives up between blocks of text, or rows.</param>
    /// <exception cref="WorkerException">The file isn't there or isn't the leader's, or the partition has no rows.</exception>
    /// <exception cref="DatasetException">The file can't be read, or changes while it is read.</exception>
    public static PartitionData Read(TrainingJob job, int partition, WorkerOptions options, CancellationToken cancellationToken)
    {
        JobData source = job.Data ?? throw new WorkerException($"Job '{job.Name}' names no data file; start its leader with --data.");
        string path = options.Data ?? source.Path;
        if (!Path.Exists(path))
            throw new WorkerException($"The data file '{path}' isn't on this machine ({Dns.GetHostName()}); give its place here with --data.");
        (Dataset data, RowRange[] rows) = Open(path, source, new Partition(partition, job.Partitions), options.Cache, cancellationToken);
        bool keepsData = false;
        try
        {
            rows = RowSelection.Trained(data, rows, job.HeldOut, job.Seed);
            long count = rows.Sum(range => range.Count);
            long expected = source.PartitionRows.Count > 0 ? source.PartitionRows[partition] : count;
            if (count != expected)
                throw new WorkerException($"{NotTheJobs(path)}: partition {partition + 1} of {job.Partitions} has {count:N0} rows here; the leader counted {expected:N0}.");
            if (count is 0 or > int.MaxValue)
                throw new WorkerException($"Partition {partition + 1} of {job.Partitions} has {count:N0} rows; a partition must have 1 to {int.MaxValue:N0}. Change the number of workers.");
            LabelMap labels = source.ClassLabels.Count > 0 ? LabelMap.OfClasses(source.ClassLabels)
                : job.Model.IsBinary ? LabelMap.Binary((float)source.NegativeLabel, (float)source.PositiveLabel)
                : LabelMap.Identity;
            var plan = new BlockPlan(job.Seed, partition, job.RowsPerBlock, job.Features, job.Sparse, labels, job.Scaling, job.TailKeys) { Targets = job.Model.Targets, TargetScaling = job.Targets, Weighting = job.Weighting, Order = job.Order, Streams = job.Streams };
            if (!job.Preprocessing.IsNone || (data.IsStreamed && !plan.Streams))
            {
                // Of a cache's rows, memory is to hold this partition's only.
                Dataset raw = data;
                data = job.Preprocessing.IsNone ? RowSelection.Copy(raw, rows) : job.Preprocessing.Apply(raw, rows, cancellationToken);
                raw.Dispose();
                rows = [new RowRange(0, data.RowCount)];
            }
            BlockSet blocks = BlockSet.Build(data, rows, plan);
            keepsData = plan.GathersAtVisits;
            return new PartitionData(keepsData ? blocks.Owning(data) : blocks, data.ParsedBytes);
        }
        finally
        {
            if (!keepsData)
                data.Dispose();
        }
    }

    private static (Dataset Data, RowRange[] Rows) Open(string path, JobData source, Partition partition, CacheMode cache, CancellationToken cancellationToken)
    {
        var options = new ReadOptions { IndexBase = source.IndexBase == 0 ? IndexBase.Zero : IndexBase.One, Layout = source.Layout, Weights = source.Weights, CancellationToken = cancellationToken };
        DataFingerprint file = DataFingerprint.Of(path);
        if (file.StoredBytes == source.StoredBytes && file.Sample == source.Sample)
            return Dataset.OpenPartition(path, partition, options, new CacheOptions { Mode = cache });
        // One machine may hold the text and another the same text compressed: then all of it is read and counted.
        bool mayHoldTheSame = source.StoredBytes == 0 || file.IsGzip || file.StoredBytes == source.Bytes;
        if (!mayHoldTheSame || file.StoredBytes == source.StoredBytes)
        {
            throw new WorkerException($"{NotTheJobs(path)}: it has {file.StoredBytes:N0} bytes; the leader's has {source.StoredBytes:N0}"
                + (file.StoredBytes == source.StoredBytes ? ", and others. Copy it here again." : "."));
        }
        Dataset whole = Dataset.Open(path, options, new CacheOptions { Mode = cache });
        if (whole.SourceBytes == source.Bytes && whole.RowCount == source.Rows)
            return (whole, whole.Rows(partition));
        var refused = new WorkerException($"{NotTheJobs(path)}: it has {whole.RowCount:N0} rows in {whole.SourceBytes:N0} bytes of text; the leader saw {source.Rows:N0} rows in {source.Bytes:N0} bytes.");
        whole.Dispose();
        throw refused;
    }

    private static string NotTheJobs(string path) => $"The data file '{path}' is not the one the job was made for";
}
