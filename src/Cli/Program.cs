using DistSgd.Learning.Data;
using DistSgd.Learning.Models;
using DistSgd.Learning.Optimizers;
using DistSgd.Trainer;

var t0 = System.Diagnostics.Stopwatch.StartNew();
using var data = Dataset.Open(args[0]);
using var test = args[1] == "-" ? null : Dataset.Open(args[1]);
Console.WriteLine($"read {t0.Elapsed.TotalMilliseconds:F1} ms");
string Get(string name, string fallback) { int i = Array.IndexOf(args, name); return i < 0 ? fallback : args[i + 1]; }
var options = new TrainingOptions
{
    Test = test,
    Threads = int.Parse(Get("-t", "2")),
    Optimizer = Get("-o", "adagrad") == "sgd" ? OptimizerKind.Sgd : OptimizerKind.AdaGrad,
    Model = Get("-m", "") switch { "svm" => ModelKind.Svm, "linear" => ModelKind.Linear, "logistic" => ModelKind.Logistic, _ => null },
    Epochs = Get("-e", "") is { Length: > 0 } e ? int.Parse(e) : null,
    L2 = Get("-l2", "") is { Length: > 0 } l ? double.Parse(l) : null,
    LocalSteps = Get("-k", "") is { Length: > 0 } k ? int.Parse(k) : null,
    Exchange = Get("-x", "") switch { "sparse" => ExchangeKind.Sparse, "dense" => ExchangeKind.Dense, _ => ExchangeKind.Auto },
    Progress = p => Console.WriteLine($"{p.Epoch} {p.Seconds:F4}s {p.ExamplesPerSecond:N0}/s train {p.TrainLoss:F4} test {p.Test?.Loss:F4} {p.Test?.Accuracy:F4} {p.Test?.Rmse:F3} stale {p.StalenessP50} {p.StalenessP99}"),
    Notice = Console.WriteLine,
};
int S = int.Parse(Get("-s", "0"));
var result = S == 0 ? await SgdTrainer.TrainAsync(data, options) : await SgdTrainer.TrainAsync(data, options, new DistSgd.Trainer.Cluster.ClusterOptions { Servers = S, Workers = int.Parse(Get("-w", "1")), Data = args[0] });
foreach (var p in result.Processes) Console.WriteLine(p);
Console.WriteLine($"train {result.Train} test {result.Test} seconds {result.Seconds:F4} {result.ExamplesPerSecond:N0}/s total {t0.Elapsed.TotalMilliseconds:F1} ms");
return 0;
