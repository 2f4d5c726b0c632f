using System.CommandLine;
using DistSgd.Shared.CommandLine;
using DistSgd.Worker.Hosting;

Interruption.Begin();
return await CommandRunner.RunAsync(WorkerCommand.Configure(new RootCommand("A DistSgd worker.")), "DistSgd.Worker", args, Console.Out, Console.Error, WorkerCommand.IsExpected);
